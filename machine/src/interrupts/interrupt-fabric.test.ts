// From a device's pin to a vector at a processor: I/O APIC, MSI, lowest priority, shorthands, the 8259 way.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { FakeTime } from "@hearth/testkit/fake-time";
import { AddressSpace } from "../bus/address-space.ts";
import { AssertionError } from "../errors.ts";
import { TimerQueue } from "../time/timer-queue.ts";
import { VirtualClock } from "../time/virtual-clock.ts";
import { IOAPIC_BASE, InterruptFabric } from "./interrupt-fabric.ts";
import { LocalApic } from "./local-apic/local-apic.ts";

let fabric: InterruptFabric;
let apics: LocalApic[];
let mmio: AddressSpace;
let ports: AddressSpace;

beforeEach(() => {
  fabric = new InterruptFabric();
  mmio = new AddressSpace("MMIO", 0xff);
  ports = new AddressSpace("port", 0);
  fabric.attach(ports, mmio);
  const clock = new VirtualClock(new FakeTime());
  const timers = new TimerQueue();
  apics = [0, 1, 2].map((id) => {
    const host = {
      setInterruptRequest: () => {},
      requestNmi: () => {},
      requestInit: () => {},
      requestStartUp: () => {},
      sendIpi: (sourceId: number, message: never, shorthand: number) =>
        fabric.sendIpi(sourceId, message, shorthand),
      broadcastEoi: (vector: number) => fabric.ioApic.endOfInterrupt(vector),
      acknowledgeExternal: () => fabric.pics.acknowledge(),
    };
    const apic = new LocalApic({ id, isBootProcessor: id === 0, clock, timers, tscFrequencyHz: 1e9, host });
    apic.write(0x0f, 0x1ff);
    fabric.addLocalApic(apic);
    return apic;
  });
});

function route(pin: number, low: number, destination: number): void {
  for (const [index, value] of [
    [0x11 + pin * 2, destination << 24],
    [0x10 + pin * 2, low],
  ] as const) {
    mmio.write(IOAPIC_BASE, 4, index);
    mmio.write(IOAPIC_BASE + 0x10, 4, value >>> 0);
  }
}

const waiting = (): number[] => apics.map((apic) => apic.acknowledge());

describe("interrupt fabric", () => {
  test("a line goes through the I/O APIC to the addressed processor", () => {
    route(7, 0x41, 2);
    fabric.line(7).setLevel(true);
    assert.deepEqual(waiting(), [-1, -1, 0x41]);
  });

  test("a level line comes again after EOI until it falls", () => {
    route(7, 0x8041, 1);
    const line = fabric.line(7);
    line.setLevel(true);
    for (let i = 0; i < 2; i++) {
      assert.equal(apics[1]?.acknowledge(), 0x41);
      if (i === 1) line.setLevel(false);
      apics[1]?.write(0x0b, 0);
    }
    assert.deepEqual(waiting(), [-1, -1, -1]);
  });

  test("a broadcast reaches all", () => {
    route(7, 0x41, 0xff);
    fabric.line(7).setLevel(true);
    assert.deepEqual(waiting(), [0x41, 0x41, 0x41]);
  });

  test("lowest priority goes to the least busy one", () => {
    apics[0]?.setTaskPriority(0x30);
    apics[2]?.setTaskPriority(0x20);
    apics[1]?.setTaskPriority(0x25);
    route(7, 0x141, 0xff);
    fabric.line(7).setLevel(true);
    assert.deepEqual(waiting(), [-1, -1, 0x41]);
  });

  test("MSI is delivered, a write elsewhere is counted", () => {
    fabric.sendMsi(0xfee0_1000, 0x61);
    assert.deepEqual(waiting(), [-1, 0x61, -1]);
    fabric.sendMsi(0x1234, 0x61);
    fabric.sendMsi(0xfee0_9000, 0x61);
    assert.equal(fabric.undelivered, 2);
  });

  const shorthands: [name: string, low: number, expected: number[]][] = [
    ["self", 0x4_4071, [-1, 0x71, -1]],
    ["all", 0x8_4071, [0x71, 0x71, 0x71]],
    ["all but self", 0xc_4071, [0x71, -1, 0x71]],
  ];
  for (const [name, low, expected] of shorthands) {
    test(`shorthand: ${name}`, () => {
      apics[1]?.command.write(low, 0);
      assert.deepEqual(waiting(), expected);
    });
  }

  test("ISA lines also reach the 8259 pair and LINT0 of the boot processor", () => {
    apics[0]?.reset();
    for (const [port, value] of [
      [0x20, 0x11],
      [0x21, 0x30],
      [0x21, 4],
      [0x21, 1],
      [0x21, 0],
    ] as const)
      ports.write(port, 1, value);
    fabric.line(4).setLevel(true);
    assert.equal(apics[0]?.isRequesting, true);
    assert.deepEqual(waiting(), [0x34, -1, -1]);
  });

  test("a line beyond the board's inputs is our bug", () => {
    assert.throws(() => fabric.line(24), AssertionError);
  });
});
