// One fuzz case of an engine: a machine whose guest is random code in a random state, run in small slices. Whatever the guest does,
// the engine returns in time with an exit reason and never throws.

import assert from "node:assert/strict";
import { type Engine, ExitReason, type GuestMemory, type Vcpu } from "@hearth/machine";
import type { Prng } from "../prng.ts";
import { FuzzBus } from "./fuzz-bus.ts";
import { FUZZ_RAM_BYTES, fuzzState } from "./fuzz-state.ts";

/** States tried on one machine, one after the other: what one leaves behind, the next one meets. */
const STATES = 8;
const SLICES = 6;
const SLICE_LIMIT_MS = 4000;

export interface FuzzMachine {
  readonly memory: GuestMemory;
  readonly vcpu: Vcpu;
}

/** A check that knows the engine. */
export type FuzzCheck = (machine: FuzzMachine) => void;

/** How many runs ended with each exit reason; a fuzz that only ever shuts down tests nothing. */
export type FuzzCounts = Map<ExitReason, number>;

export interface FuzzOptions {
  readonly counts: FuzzCounts;
  /** Called when a machine is made. */
  readonly prepare?: FuzzCheck;
  /** Called after every state. */
  readonly check?: FuzzCheck;
  /** Far more than any slice needs, so that a busy host is no failure; a hang is caught by the test's own limit. */
  readonly sliceLimitMs?: number;
}

export function fuzzEngine(engine: Engine, prng: Prng, options: FuzzOptions): void {
  const memory = engine.createMemory(FUZZ_RAM_BYTES);
  const bus = new FuzzBus(prng, memory);
  const vcpu = engine.createVcpu(memory, { id: 0, bus, cpuid: [], tscFrequencyHz: 1e9 });
  bus.attach(vcpu);
  options.prepare?.({ memory, vcpu });
  for (let state = 0; state < STATES; state++) {
    vcpu.setRegisters(fuzzState(prng, memory));
    runSlices(prng, vcpu, bus, options);
    options.check?.({ memory, vcpu });
  }
}

function runSlices(prng: Prng, vcpu: Vcpu, bus: FuzzBus, options: FuzzOptions): void {
  const { counts, sliceLimitMs = SLICE_LIMIT_MS } = options;
  for (let slice = 0; slice < SLICES; slice++) {
    if (prng.oneIn(3)) vcpu.setInterruptRequest(true);
    if (prng.oneIn(8)) vcpu.requestNmi();
    if (prng.oneIn(16)) vcpu.kick();
    bus.calls = 0;
    const start = performance.now();
    const reason = vcpu.run(1 + prng.below(200));
    const elapsedMs = performance.now() - start;
    assert.ok(elapsedMs < sliceLimitMs, `a slice took ${elapsedMs} ms:\n${vcpu.describe()}`);
    assert.ok(reason !== ExitReason.Failure, vcpu.describe());
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    if (reason === ExitReason.Shutdown) return;
  }
}
