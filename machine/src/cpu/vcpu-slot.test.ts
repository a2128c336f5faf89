// The bus a vCPU sees: who answers which MSR, the APIC page in front of device memory, CR8, and messages to others.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { FakeVcpu } from "@hearth/testkit/fake-engine";
import { FakeTime } from "@hearth/testkit/fake-time";
import { AddressSpace } from "../bus/address-space.ts";
import { AssertionError } from "../errors.ts";
import { InterruptFabric } from "../interrupts/interrupt-fabric.ts";
import { GuestMemory } from "../memory/guest-memory.ts";
import { TimerQueue } from "../time/timer-queue.ts";
import { VirtualClock } from "../time/virtual-clock.ts";
import { VcpuSlot } from "./vcpu-slot.ts";

const RAM_BYTES = 0x1_0000;

let fabric: InterruptFabric;
let slot: VcpuSlot;
let vcpu: FakeVcpu;

function makeSlot(id: number): VcpuSlot {
  return new VcpuSlot({
    id,
    memory: new GuestMemory(new ArrayBuffer(RAM_BYTES), 0, RAM_BYTES),
    ports: new AddressSpace("port", 0),
    mmio: new AddressSpace("MMIO", 0xff),
    fabric,
    clock: new VirtualClock(new FakeTime()),
    timers: new TimerQueue(),
    tscFrequencyHz: 1e9,
  });
}

beforeEach(() => {
  fabric = new InterruptFabric();
  slot = makeSlot(0);
  vcpu = new FakeVcpu({ id: 0, bus: slot, cpuid: [], tscFrequencyHz: 1e9 }, []);
  slot.plug(vcpu);
  slot.apic.write(0x0f, 0x1ff);
});

describe("vCPU slot", () => {
  const msrs: [name: string, index: number, value: bigint | undefined][] = [
    ["local APIC", 0x1b, 0xfee0_0900n],
    ["TSC deadline", 0x6e0, 0n],
    ["paravirtual clock", 0x4b56_4d01, 0n],
    ["memory types", 0xfe, 0x508n],
    ["nobody", 0xc000_0080, undefined],
  ];
  for (const [name, index, value] of msrs) {
    test(`MSR of ${name}`, () => assert.equal(slot.readMsr(index), value));
  }

  test("a write nobody takes is #GP", () => {
    assert.equal(slot.writeMsr(0xc000_0080, 0n), false);
    assert.equal(slot.writeMsr(0x277, 0x0606n), true);
  });

  test("the APIC page lies in front of device memory, with every access size", () => {
    assert.equal(slot.readMmio(0xfee0_0030, 4), 0x0005_0014);
    assert.equal(slot.readMmio(0xfee0_0032, 2), 0x0005);
    slot.writeMmio(0xfee0_0080, 4, 0x20);
    assert.equal(slot.readTaskPriority(), 2);
    assert.equal(slot.readMmio(0xfee0_1000, 4), 0xffff_ffff);
  });

  test("CR8 is the class of the task priority and holds interrupts back", () => {
    slot.writeTaskPriority(5);
    assert.equal(slot.apic.taskPriority, 0x50);
    slot.apic.receive({ vector: 0x51, deliveryMode: 0, destination: 0, isLogical: false, isLevel: false });
    assert.deepEqual([vcpu.isInterruptRequested, slot.acknowledgeInterrupt()], [false, -1]);
    slot.writeTaskPriority(4);
    assert.deepEqual([vcpu.isInterruptRequested, slot.acknowledgeInterrupt()], [true, 0x51]);
  });

  test("a halted vCPU can run again when an interrupt can be taken, or after an NMI", () => {
    slot.isHalted = true;
    assert.equal(slot.canRun, false);
    slot.apic.receive({ vector: 0x51, deliveryMode: 0, destination: 0, isLogical: false, isLevel: false });
    assert.equal(slot.canRun, true);
    slot.acknowledgeInterrupt();
    slot.isHaltedForGood = true;
    assert.equal(slot.canRun, false);
    slot.requestNmi();
    assert.deepEqual([slot.canRun, vcpu.nmis], [true, 1]);
  });

  test("a message to another processor arrives there; start-up messages are counted", () => {
    const other = makeSlot(1);
    other.apic.write(0x0f, 0x1ff);
    slot.apic.command.write(0x4061, 1);
    assert.equal(other.acknowledgeInterrupt(), 0x61);
    slot.apic.command.write(0x4500, 1);
    slot.apic.command.write(0x4699, 1);
    assert.equal(other.startUpMessages, 2);
  });

  test("a slot takes one processor", () => {
    assert.throws(() => slot.plug(vcpu), AssertionError);
    assert.throws(() => makeSlot(2).vcpu, AssertionError);
  });
});
