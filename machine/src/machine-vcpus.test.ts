// A machine with several vCPUs around scripted guests: who has a turn, how long, and how turns and machines end.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FakeEngine, type GuestStep } from "@hearth/testkit/fake-engine";
import { FakeTime } from "@hearth/testkit/fake-time";
import { tinyElf } from "@hearth/testkit/tiny-kernel";
import { ExitReason, type VcpuBus } from "./cpu/vcpu.ts";
import { HearthError } from "./errors.ts";
import { Machine } from "./machine.ts";

const BUDGET = 1_000_000;

interface Rig {
  readonly machine: Machine;
  readonly engine: FakeEngine;
  readonly time: FakeTime;
}

function build(vcpuCount: number, ...steps: GuestStep[]): Rig {
  const engine = new FakeEngine(...steps);
  const time = new FakeTime();
  const machine = new Machine({
    engine,
    vcpuCount,
    ramBytes: 32 * 1024 * 1024,
    kernel: tinyElf(),
    time,
    fillRandom: (target) => target.fill(1),
    onSerialOutput: () => {},
  });
  machine.start();
  return { machine, engine, time };
}

const command = (bus: VcpuBus, low: number, destination = 0): void => {
  bus.writeMmio(0xfee0_0310, 4, destination * 2 ** 24);
  bus.writeMmio(0xfee0_0300, 4, low);
};
const ALL_OTHERS = 0xc_0000;
const startOthers = (bus: VcpuBus): void => {
  command(bus, ALL_OTHERS | 0x4500);
  command(bus, ALL_OTHERS | 0x4608);
};

/** A guest step that notes the vCPU's number. */
const noted =
  (order: number[], step: GuestStep = () => undefined): GuestStep =>
  (bus, vcpu) => {
    order.push(vcpu.id);
    return step(bus, vcpu);
  };

const setInterruptFlag = ({ engine }: Rig, id: number): void => {
  const registers = engine.vcpus[id]?.registers;
  assert.ok(registers);
  registers.rflags = 0x202n;
};

describe("several vCPUs", () => {
  test("each has CPUID and tables of its own count; only the first one runs at power-on", () => {
    const order: number[] = [];
    const { machine, engine } = build(4, noted(order), noted(order));
    assert.equal(engine.vcpus.length, 4);
    for (const [id, vcpu] of engine.vcpus.entries()) {
      const topology = vcpu.cpuid.find(({ leaf, subleaf }) => leaf === 0xb && subleaf === 1);
      assert.deepEqual([topology?.ebx, topology?.edx], [4, id]);
    }
    const text = new TextDecoder("latin1").decode(machine.memory.slice(0x9_fc00, 16));
    assert.match(text, /^_MP_/);
    machine.runSlice(10_000);
    assert.deepEqual(order, [0, 0]);
  });

  test("turns go round, past those who are halted", () => {
    const order: number[] = [];
    const step = noted(order);
    const rig = build(3, noted(order, startOthers), step, step);
    rig.engine.stepsOf[1]?.push(
      step,
      noted(order, () => ExitReason.Halt),
    );
    rig.engine.stepsOf[2]?.push(step, step, step);
    rig.machine.runSlice(40_000);
    assert.deepEqual(order, [0, 1, 2, 0, 1, 2, 0, 2]);
  });

  test("PAUSE ends a turn only where somebody else can run", () => {
    const rig = build(2, startOthers, () => ExitReason.Pause);
    rig.engine.stepsOf[1]?.push(() => undefined);
    rig.machine.runSlice(15_000);
    assert.deepEqual(rig.engine.vcpus[0]?.pauseEnds, [false, true]);
    assert.deepEqual(rig.engine.vcpus[1]?.pauseEnds, [true]);
  });

  test("turns are short beside one that spins", () => {
    // One unit takes 100 ns.
    const busy: GuestStep = (_bus, vcpu) => rig.time.advance(100 * (vcpu.budgets.at(-1) ?? 0));
    const rig = build(
      2,
      busy,
      (bus, vcpu) => {
        startOthers(bus);
        return busy(bus, vcpu);
      },
      busy,
      () => ExitReason.Pause,
      busy,
    );
    rig.engine.stepsOf[1]?.push(busy, busy, busy);
    rig.machine.runSlice(BUDGET);
    const [first, second] = rig.engine.vcpus.map((vcpu) => vcpu.budgets);
    assert.deepEqual(first?.slice(0, 5), [5000, 10_000, 10_000, 10_000, 10_000]);
    assert.deepEqual(second?.slice(0, 3), [5000, 10_000, 500]);
  });

  test("who has the thread alone gives it up soon when another one wakes", () => {
    const kicks: number[] = [];
    const wake: GuestStep = (bus, vcpu) => {
      kicks.push(vcpu.kicks);
      command(bus, 0x4061, 1);
      kicks.push(vcpu.kicks);
      command(bus, 0x4062, 1);
      kicks.push(vcpu.kicks);
    };
    const rig = build(2, startOthers, wake, wake, () => ExitReason.Halt);
    const vectors: number[] = [];
    rig.engine.stepsOf[1]?.push(
      (bus) => {
        bus.writeMmio(0xfee0_00f0, 4, 0x1ff);
        setInterruptFlag(rig, 1);
        return ExitReason.Halt;
      },
      (bus) => {
        vectors.push(bus.acknowledgeInterrupt());
        return undefined;
      },
    );
    rig.machine.runSlice(30_000);
    assert.deepEqual(kicks, [1, 2, 2, 2, 2, 2], "starting it was the first kick; those awake need none");
    assert.deepEqual(vectors, [0x62]);
  });

  test("all asleep is sleep, even while nobody has a timer", () => {
    const rig = build(2, startOthers);
    setInterruptFlag(rig, 0);
    rig.engine.stepsOf[1]?.push(() => {
      setInterruptFlag(rig, 1);
      return ExitReason.Halt;
    });
    assert.equal(rig.machine.runSlice(BUDGET).kind, "sleep");
  });

  test("the end is when all are halted with interrupts off or not started", () => {
    const rig = build(3, (bus) => {
      command(bus, 0x4500, 1);
      command(bus, 0x4608, 1);
      return ExitReason.Halt;
    });
    rig.engine.stepsOf[1]?.push(() => ExitReason.Halt);
    assert.deepEqual(rig.machine.runSlice(BUDGET), { kind: "ended", reason: { kind: "halt" } });
    assert.deepEqual(
      rig.engine.vcpus.map((vcpu) => vcpu.budgets.length),
      [1, 1, 0],
    );
  });

  test("INIT for the boot processor resets the machine", () => {
    const rig = build(2, startOthers);
    rig.engine.stepsOf[1]?.push((bus) => command(bus, 0x4500, 0));
    assert.deepEqual(rig.machine.runSlice(BUDGET), {
      kind: "ended",
      reason: { kind: "reset", cause: "init" },
    });
  });

  test("a processor that resets itself by INIT runs no further", () => {
    const rig = build(2, startOthers);
    rig.engine.stepsOf[1]?.push(
      (bus) => command(bus, 0x4500, 1),
      () => assert.fail("it was reset"),
    );
    setInterruptFlag(rig, 0);
    rig.machine.runSlice(BUDGET);
    assert.equal(rig.machine.runSlice(BUDGET).kind, "sleep");
  });

  test("one that resets itself and halts can be started again", () => {
    const rig = build(
      2,
      startOthers,
      () => undefined,
      (bus) => command(bus, 0x4609, 1),
    );
    const pages: number[] = [];
    rig.engine.stepsOf[1]?.push(
      (bus) => {
        command(bus, 0x4500, 1);
        return ExitReason.Halt;
      },
      (_bus, vcpu) => void pages.push(vcpu.getRegisters().cs.selector),
    );
    rig.machine.runSlice(BUDGET);
    assert.deepEqual(pages, [0x900]);
  });

  test("a dump shows all of them", () => {
    assert.equal(build(3).machine.describe(), "fake vCPU\nfake vCPU\nfake vCPU");
  });

  for (const vcpuCount of [0, 33, 1.5, Number.NaN]) {
    test(`${vcpuCount} are refused`, () => {
      assert.throws(
        () => build(vcpuCount),
        (error) => error instanceof HearthError && error.code === "vcpus.invalid",
      );
    });
  }
});
