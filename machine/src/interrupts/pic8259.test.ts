// One 8259A and the pair, programmed as a PC's firmware and an old kernel do.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { AddressSpace } from "../bus/address-space.ts";
import { PicPair } from "./pic-pair.ts";

let isHigh: boolean;
let pair: PicPair;
let ports: AddressSpace;

const out = (port: number, value: number): void => ports.write(port, 1, value);
const inb = (port: number): number => ports.read(port, 1);

beforeEach(() => {
  isHigh = false;
  pair = new PicPair((level) => {
    isHigh = level;
  });
  ports = new AddressSpace("port", 0);
  pair.attach(ports);
  for (const [base, vector, cascade] of [
    [0x20, 0x30, 4],
    [0xa0, 0x38, 2],
  ] as const) {
    out(base, 0x11);
    out(base + 1, vector);
    out(base + 1, cascade);
    out(base + 1, 1);
    out(base + 1, 0);
  }
});

describe("8259 pair", () => {
  test("a request raises the pin, acknowledge gives the vector and lowers it", () => {
    pair.setLine(3, true);
    assert.equal(isHigh, true);
    assert.equal(pair.acknowledge(), 0x33);
    assert.equal(isHigh, false);
  });

  test("the second chip comes through the first", () => {
    pair.setLine(12, true);
    assert.equal(isHigh, true);
    assert.equal(pair.acknowledge(), 0x3c);
    out(0xa0, 0x20);
    out(0x20, 0x20);
    out(0x20, 0x0b);
    assert.equal(inb(0x20), 0);
  });

  test("a lower priority waits until the end of interrupt", () => {
    pair.setLine(1, true);
    assert.equal(pair.acknowledge(), 0x31);
    pair.setLine(5, true);
    assert.equal(isHigh, false);
    pair.setLine(0, true);
    assert.equal(pair.acknowledge(), 0x30);
    out(0x20, 0x20);
    out(0x20, 0x20);
    assert.equal(pair.acknowledge(), 0x35);
  });

  test("the mask can be read back and holds requests", () => {
    out(0x21, 0xfb);
    assert.equal(inb(0x21), 0xfb);
    pair.setLine(4, true);
    assert.equal(isHigh, false);
    out(0x21, 0xeb);
    assert.equal(isHigh, true);
  });

  test("a request that went away reads as the spurious vector 7", () => {
    pair.setLine(4, true);
    pair.setLine(4, false);
    assert.equal(isHigh, false);
    assert.equal(pair.acknowledge(), 0x37);
  });

  test("edges need a fresh rise, levels (ELCR) do not", () => {
    pair.setLine(5, true);
    assert.equal(pair.acknowledge(), 0x35);
    out(0x20, 0x20);
    assert.equal(isHigh, false);
    out(0x4d0, 0xff);
    assert.equal(inb(0x4d0), 0xf8);
    out(0x4d1, 0xff);
    assert.equal(inb(0x4d1), 0xde);
    pair.setLine(5, true);
    assert.equal(pair.acknowledge(), 0x35);
    out(0x20, 0x20);
    assert.equal(isHigh, true);
  });

  test("before its initialisation it asks for nothing, but its mask can be probed", () => {
    pair.reset();
    pair.setLine(3, true);
    assert.equal(isHigh, false);
    out(0x21, 0xfb);
    assert.equal(inb(0x21), 0xfb);
  });

  test("automatic EOI, rotation and polling", () => {
    out(0x20, 0x11);
    out(0x21, 0x30);
    out(0x21, 4);
    out(0x21, 3);
    pair.setLine(1, true);
    pair.acknowledge();
    out(0x20, 0x0b);
    assert.equal(inb(0x20), 0);
    out(0x20, 0xc1);
    pair.setLine(1, false);
    pair.setLine(1, true);
    pair.setLine(6, true);
    assert.equal(pair.acknowledge(), 0x36);
    out(0x20, 0x0c);
    assert.equal(inb(0x20), 0x81);
  });

  test("state survives a round trip and drives the pin anew", () => {
    pair.setLine(3, true);
    const saved = structuredClone(pair.state());
    let restoredPin = false;
    const other = new PicPair((level) => {
      restoredPin = level;
    });
    other.restore(saved);
    assert.equal(restoredPin, true);
    assert.equal(other.acknowledge(), 0x33);
  });
});
