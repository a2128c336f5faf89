// The same random guest on two engines: where both come to an end, they must have come to the same one. Nothing happens from
// outside, for when an interrupt is taken may differ. Both must be run in slices of the same size: a repeated string instruction
// that overwrites itself goes on as it was until it is left in the middle.

import assert from "node:assert/strict";
import { type Engine, ExitReason, type VcpuRegisters } from "@hearth/machine";
import { Prng } from "../prng.ts";
import { FuzzBus } from "./fuzz-bus.ts";
import { FUZZ_RAM_BYTES, FUZZ_TABLES, fuzzState } from "./fuzz-state.ts";

const ACCESSED = 0x20;
const SLICES = 40;
const SLICE_BLOCKS = 50;

interface Ending {
  readonly reason: ExitReason;
  readonly registers: VcpuRegisters;
  readonly ram: Uint8Array;
  readonly busCalls: number;
  readonly description: string;
}

/** Compares one case; false when a guest ran on past the slices it was given. */
export function compareEngines(first: Engine, second: Engine, seed: number): boolean {
  const one = runGuest(first, seed);
  const other = runGuest(second, seed);
  if (one === undefined || other === undefined) return false;
  const both = `${one.description}\n---\n${other.description}`;
  assert.equal(other.reason, one.reason, both);
  assert.deepEqual(other.registers, one.registers, both);
  assert.equal(other.busCalls, one.busCalls, both);
  const at = firstDifference(one.ram, other.ram);
  assert.equal(at, -1, `RAM differs at 0x${at.toString(16)}:\n${both}`);
  return true;
}

function runGuest(engine: Engine, seed: number): Ending | undefined {
  const prng = new Prng(seed);
  const memory = engine.createMemory(FUZZ_RAM_BYTES);
  const bus = new FuzzBus(prng, memory, { quiet: true });
  const vcpu = engine.createVcpu(memory, { id: 0, bus, cpuid: [], tscFrequencyHz: 1e9 });
  bus.attach(vcpu);
  vcpu.setRegisters(fuzzState(prng, memory));
  let busCalls = 0;
  for (let slice = 0; slice < SLICES; slice++) {
    bus.calls = 0;
    const reason = vcpu.run(SLICE_BLOCKS);
    busCalls += bus.calls;
    if (reason !== ExitReason.Halt && reason !== ExitReason.Shutdown) continue;
    const ram = memory.slice(0, FUZZ_RAM_BYTES);
    return { reason, registers: vcpu.getRegisters(), ram, busCalls, description: vcpu.describe() };
  }
  return undefined;
}

/** Accessed flags of page tables may be set early, for code that is looked at and then not run. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  if (Buffer.compare(a, b) === 0) return -1;
  const inTables = (at: number): boolean => at >= FUZZ_TABLES.start && at < FUZZ_TABLES.end;
  return a.findIndex((byte, at) => ((byte ^ (b[at] as number)) & (inTables(at) ? ~ACCESSED : 0xff)) !== 0);
}
