// The I/O APIC between pins and a recorded bus: edge, level, masking, remote IRR, register access.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { HearthError } from "../errors.ts";
import type { ApicMessage } from "./apic-message.ts";
import { IOAPIC_PIN_COUNT, IoApic } from "./ioapic.ts";

const FULL = 0xffff_ffff;
const MASKED = 1 << 16;
const LEVEL = 1 << 15;
const REMOTE_IRR = 1 << 14;

let sent: ApicMessage[];
let isTaken: boolean;
let chip: IoApic;
const bus = {
  send(message: ApicMessage): boolean {
    sent.push(message);
    return isTaken;
  },
};

beforeEach(() => {
  sent = [];
  isTaken = true;
  chip = new IoApic(bus);
});

function write(index: number, value: number): void {
  chip.writeRegister(0x00, index, FULL);
  chip.writeRegister(0x10, value, FULL);
}

function read(index: number): number {
  chip.writeRegister(0x00, index, FULL);
  return chip.readRegister(0x10);
}

const lowWord = (pin: number): number => 0x10 + pin * 2;

function route(pin: number, low: number, destination = 0): void {
  write(lowWord(pin) + 1, destination << 24);
  write(lowWord(pin), low);
}

describe("I/O APIC", () => {
  test("after reset: version with 24 entries, all masked", () => {
    assert.equal(read(1), 0x0017_0011);
    for (let pin = 0; pin < IOAPIC_PIN_COUNT; pin++) assert.equal(read(lowWord(pin)), MASKED);
  });

  test("an edge is one message, with everything the entry says", () => {
    route(5, 0x0941, 0x0f);
    chip.setPin(5, true);
    chip.setPin(5, true);
    chip.setPin(5, false);
    assert.deepEqual(sent, [
      { vector: 0x41, deliveryMode: 1, destination: 0x0f, isLogical: true, isLevel: false },
    ]);
  });

  test("an edge on a masked entry is lost", () => {
    route(5, 0x41 | MASKED);
    chip.setPin(5, true);
    write(lowWord(5), 0x41);
    assert.equal(sent.length, 0);
  });

  test("a level is sent once and again after EOI while the line stays high", () => {
    route(9, 0x51 | LEVEL);
    chip.setPin(9, true);
    assert.equal(sent.length, 1);
    assert.equal(read(lowWord(9)) & REMOTE_IRR, REMOTE_IRR);
    chip.endOfInterrupt(0x50);
    assert.equal(sent.length, 1);
    chip.endOfInterrupt(0x51);
    assert.equal(sent.length, 2);
    chip.setPin(9, false);
    chip.endOfInterrupt(0x51);
    assert.equal(sent.length, 2);
    assert.equal(read(lowWord(9)) & REMOTE_IRR, 0);
  });

  test("a level that waited behind the mask is sent when unmasked", () => {
    route(9, 0x51 | LEVEL | MASKED);
    chip.setPin(9, true);
    assert.equal(sent.length, 0);
    write(lowWord(9), 0x51 | LEVEL);
    assert.equal(sent.length, 1);
  });

  test("a level nobody takes does not wait for an EOI", () => {
    isTaken = false;
    route(9, 0x51 | LEVEL);
    chip.setPin(9, true);
    assert.equal(read(lowWord(9)) & REMOTE_IRR, 0);
  });

  test("rewriting as edge frees a stuck remote IRR", () => {
    route(9, 0x51 | LEVEL);
    chip.setPin(9, true);
    write(lowWord(9), 0x51 | MASKED);
    write(lowWord(9), 0x51 | LEVEL);
    assert.equal(sent.length, 2);
  });

  test("read-only bits and registers that do not exist", () => {
    write(lowWord(3), FULL);
    assert.equal(read(lowWord(3)), 0x1_afff);
    write(1, FULL);
    assert.equal(read(1), 0x0017_0011);
    write(0, FULL);
    assert.equal(read(0), 0x0f00_0000);
    write(0xff, FULL);
    assert.equal(read(0xff), 0);
    assert.equal(chip.readRegister(0x40), 0);
  });

  test("state survives a round trip with a line still high", () => {
    route(9, 0x51 | LEVEL, 3);
    chip.setPin(9, true);
    const saved = structuredClone(chip.state());
    const other = new IoApic(bus);
    other.restore(saved);
    assert.deepEqual(other.state(), saved);
    sent = [];
    other.endOfInterrupt(0x51);
    assert.equal(sent[0]?.destination, 3);
  });

  test("nonsense state is refused", () => {
    const { kind, version, data } = chip.state();
    const bad: object[] = [
      { kind: "pit8254", version, data },
      { kind, version: 2, data },
      { kind, version, data: null },
      { kind, version, data: { ...data, low: data.low.slice(1) } },
      { kind, version, data: { ...data, pins: 2 ** 24 } },
      { kind, version, data: { ...data, select: 1.5 } },
    ];
    for (const state of bad) assert.throws(() => new IoApic(bus).restore(state as never), HearthError);
  });
});
