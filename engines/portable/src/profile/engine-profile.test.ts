import assert from "node:assert/strict";
import { test } from "node:test";
import { GuestMemory } from "@hearth/machine";
import {
  CPU_BUDGET,
  CPU_COUNT_EXCEPTIONS,
  CPU_COUNT_FULL_FLUSHES,
  CPU_CPL,
  CPU_KICK,
  CPU_RIP,
  ENGINE_COUNT_TLB_FILLS,
  EXIT_HALT,
  EXIT_STOP,
  RAM_BASE,
  VCPU_AREA_BASE,
} from "../layout.ts";
import { EngineProfile } from "./engine-profile.ts";
import { Interrupter } from "./interruption.ts";

const AREA = VCPU_AREA_BASE;

/** A profile around an interpreter that is a function of the test's. */
function watched(run: (view: DataView, interrupter: Interrupter) => number) {
  const memory = new GuestMemory(new SharedArrayBuffer(RAM_BASE + 4096), RAM_BASE, 4096);
  let interrupter: Interrupter | undefined;
  const profile = new EngineProfile({
    nowUs: () => 5,
    onProcessor: (processor) => {
      interrupter = new Interrupter(processor);
    },
  });
  const watchedRun = profile.watchRun(() => run(memory.view, interrupter as Interrupter), memory);
  return { profile, view: memory.view, run: () => watchedRun(AREA), interrupter: () => interrupter };
}

test("an interruption takes the guest's place and gives the budget back", () => {
  const budgets: number[] = [];
  const { profile, view, run } = watched((memory, interrupter) => {
    budgets.push(memory.getInt32(AREA + CPU_BUDGET, true));
    memory.setBigUint64(AREA + CPU_RIP, 0xffff_ffff_8100_0000n, true);
    memory.setUint32(AREA + CPU_CPL, 3, true);
    if (budgets.length > 1) return EXIT_HALT;
    memory.setInt32(AREA + CPU_BUDGET, 600, true);
    interrupter.interrupt();
    assert.equal(memory.getInt32(AREA + CPU_BUDGET, true), 0);
    return EXIT_STOP;
  });
  view.setInt32(AREA + CPU_BUDGET, 1000, true);
  assert.equal(run(), EXIT_HALT);
  assert.deepEqual(budgets, [1000, 600]);
  assert.deepEqual(profile.samples, [{ timeUs: 5, rip: 0xffff_ffff_8100_0000n, isUser: true }]);
  assert.deepEqual(profile.sliceEnds, { halt: 1, shutdown: 0, stop: 0, sample: 1, failure: 0 });
});

test("a kick of the machine's own ends the slice although a sample was wanted too", () => {
  const { profile, view, run } = watched((memory, interrupter) => {
    interrupter.interrupt();
    memory.setInt32(AREA + CPU_KICK, memory.getInt32(AREA + CPU_KICK, true) | 1, true);
    return EXIT_STOP;
  });
  assert.equal(run(), EXIT_STOP);
  assert.notEqual(view.getInt32(AREA + CPU_KICK, true), 0);
  assert.equal(profile.sliceEnds.stop, 1);
  assert.equal(profile.samples.length, 1);
});

test("a vCPU that does not run is left alone", () => {
  const { view, run, interrupter } = watched(() => EXIT_STOP);
  run();
  view.setInt32(AREA + CPU_BUDGET, 9, true);
  interrupter()?.interrupt();
  assert.equal(view.getInt32(AREA + CPU_BUDGET, true), 9);
  assert.equal(view.getInt32(AREA + CPU_KICK, true), 0);
});

test("counters are the engine's and those of the vCPUs that ran", () => {
  const { profile, view, run } = watched(() => EXIT_STOP);
  run();
  view.setBigUint64(ENGINE_COUNT_TLB_FILLS, 12n, true);
  view.setBigUint64(AREA + CPU_COUNT_EXCEPTIONS + 14 * 8, 3n, true);
  view.setBigUint64(AREA + CPU_COUNT_FULL_FLUSHES, 4n, true);
  const counters = profile.counters();
  assert.equal(counters?.engine["TLB fills"], 12);
  assert.equal(counters?.engine["TLB dropped whole"], 4);
  assert.equal(counters?.exceptions[14], 3);
});
