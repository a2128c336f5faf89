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
let events: string[];

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
    onRunnable: () => events.push(`runnable ${id}`),
    onBootProcessorInit: () => events.push("init of the boot processor"),
  });
}

function plugged(id: number): { slot: VcpuSlot; vcpu: FakeVcpu } {
  const made = makeSlot(id);
  const processor = new FakeVcpu({ id, bus: made, cpuid: [], tscFrequencyHz: 1e9 }, []);
  made.plug(processor);
  made.apic.write(0x0f, 0x1ff);
  return { slot: made, vcpu: processor };
}

beforeEach(() => {
  fabric = new InterruptFabric();
  events = [];
  ({ slot, vcpu } = plugged(0));
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

  test("a message to another processor arrives there", () => {
    const other = plugged(1);
    slot.apic.command.write(0x4061, 1);
    assert.equal(other.slot.acknowledgeInterrupt(), 0x61);
    slot.apic.command.write(0x4400, 1);
    assert.equal(other.vcpu.nmis, 0, "it has not been started");
  });

  test("a slot takes one processor", () => {
    assert.throws(() => slot.plug(vcpu), AssertionError);
    assert.throws(() => makeSlot(2).vcpu, AssertionError);
  });
});

describe("start-up of an application processor", () => {
  const INIT = 0x4500;
  const START_UP = 0x4600;
  let other: ReturnType<typeof plugged>;
  const send = (command: number): void => slot.apic.command.write(command, 1);

  beforeEach(() => {
    other = plugged(1);
    other.slot.apic.write(0x0f, 0xff);
  });

  test("after power-on it waits, and INIT changes nothing", () => {
    assert.deepEqual([slot.canRun, other.slot.canRun], [true, false]);
    send(INIT);
    assert.deepEqual([other.slot.canRun, events], [false, []]);
  });

  test("a start-up message makes it run in real mode at its page; a second one is ignored", () => {
    send(INIT);
    send(START_UP | 0x9f);
    send(START_UP | 0x01);
    assert.deepEqual([other.slot.canRun, events], [true, ["runnable 1"]]);
    other.slot.run(100, true);
    const { cs, rip, cr0, rdx } = other.vcpu.getRegisters();
    assert.deepEqual([cs.selector, cs.base, rip], [0x9f00, 0x9_f000n, 0n]);
    assert.deepEqual([cr0, rdx], [0x6000_0010n, 0x711n]);
    send(START_UP | 0x01);
    other.vcpu.registers = { ...other.vcpu.getRegisters(), rip: 0x1234n };
    other.slot.run(100, true);
    assert.equal(other.vcpu.getRegisters().rip, 0x1234n);
    assert.deepEqual(other.vcpu.pauseEnds, [true, true]);
  });

  test("INIT stops one that runs: APIC and clock as after reset, caches as they were", () => {
    send(START_UP | 0x10);
    other.slot.run(100, false);
    other.slot.apic.write(0x0f, 0x1ff);
    other.slot.isHalted = true;
    other.slot.writeMsr(0x4b56_4d01, 0x1001n);
    other.vcpu.registers = { ...other.vcpu.getRegisters(), cr0: 0x8000_0011n };
    send(INIT);
    assert.equal(other.slot.canRun, false);
    assert.deepEqual([other.slot.apic.read(0x0f), other.slot.readMsr(0x4b56_4d01)], [0xff, 0n]);
    send(START_UP | 0x10);
    assert.equal(other.slot.canRun, true);
    other.slot.run(100, false);
    assert.equal(other.vcpu.getRegisters().cr0, 0x10n);
  });

  test("a level de-assert of INIT does nothing, to itself it works, for the boot processor it is a reset", () => {
    send(START_UP | 0x10);
    send(0x8500);
    assert.equal(other.slot.canRun, true);
    other.slot.apic.command.write(INIT, 1);
    assert.equal(other.slot.canRun, false);
    other.slot.apic.command.write(INIT, 0);
    assert.deepEqual(events, ["runnable 1", "init of the boot processor"]);
  });

  test("messages with shorthands and by logical destination", () => {
    const third = plugged(2);
    slot.apic.command.write(0xc_4000 | START_UP | 0x20, 0);
    assert.deepEqual([other.slot.canRun, third.slot.canRun], [true, true]);
    other.slot.apic.write(0x0f, 0x1ff);
    slot.apic.command.write(0x8_4071, 0);
    slot.apic.command.write(0x4_4072, 0);
    third.slot.apic.command.write(0xc_4073, 0);
    const taken = [slot, other.slot, third.slot].map((each) => {
      const vectors = [each.acknowledgeInterrupt()];
      each.apic.write(0x0b, 0);
      vectors.push(each.apic.read(0x23));
      return vectors;
    });
    assert.deepEqual(taken, [
      [0x73, 0x6_0000],
      [0x73, 0x2_0000],
      [0x71, 0],
    ]);
    // Flat logical: each owns one bit.
    other.slot.apic.logicalDestination = 0x0200_0000;
    third.slot.apic.logicalDestination = 0x0400_0000;
    slot.apic.command.write(0x4800 | 0x81, 0x06);
    assert.deepEqual([other.slot.acknowledgeInterrupt(), third.slot.acknowledgeInterrupt()], [0x81, 0x81]);
  });

  test("a lowest-priority message goes to one, the least busy", () => {
    const third = plugged(2);
    other.slot.apic.write(0x0f, 0x1ff);
    slot.writeTaskPriority(5);
    other.slot.writeTaskPriority(3);
    third.slot.writeTaskPriority(4);
    slot.apic.command.write(0x4191, 0xff);
    const taken = [slot, other.slot, third.slot].map((each) => each.acknowledgeInterrupt());
    assert.deepEqual(taken, [-1, 0x91, -1]);
  });

  test("an NMI wakes it from HLT", () => {
    send(START_UP | 0x10);
    other.slot.isHaltedForGood = true;
    send(0x4400);
    assert.deepEqual([other.vcpu.nmis, other.slot.canRun], [1, true]);
  });

  test("its state is taken over whole", () => {
    send(START_UP | 0x77);
    other.slot.isHalted = true;
    const copy = plugged(3);
    copy.slot.restore(structuredClone(other.slot.state()));
    assert.deepEqual(copy.slot.state(), other.slot.state());
    copy.slot.run(1, false);
    assert.equal(copy.vcpu.getRegisters().cs.selector, 0x7700);
  });
});
