// Debug registers: instruction and data breakpoints, single step. SDM volume 3, chapter 18.
//
// While RFLAGS.TF or any breakpoint is armed the decoder makes blocks of one instruction (MODE_SINGLE), so that traps are exact.

import { CPU_DR, CPU_DR7, CPU_STEPPING, FLAG_RF, FLAG_TF } from "../../layout";
import { flagsOther } from "../state";

/** DR6.BS: single step. */
export const DR6_BS: u64 = 0x4000;
/** Values of CPU_STEPPING. */
const STEPPING: u32 = 1;
const STEPPING_WITH_TRAP: u32 = 2;
const DR7_ENABLES: u64 = 0xff;

export function hasBreakpoints(cpu: usize): bool {
  return (load<u64>(cpu, CPU_DR7) & DR7_ENABLES) != 0;
}

/** DR6 bits of the data breakpoints that the running instruction hit; they reach DR6 only with its trap. */
let dataHits: u64 = 0;

export function takeDataHits(): u64 {
  const hits = dataHits;
  dataHits = 0;
  return hits;
}

/** Notes hits of armed data breakpoints; the trap follows the instruction. */
export function checkDataBreakpoint(cpu: usize, va: u64, bytes: u32, write: bool): void {
  const dr7 = load<u64>(cpu, CPU_DR7);
  if ((dr7 & DR7_ENABLES) == 0) return;
  for (let i: u32 = 0; i < 4; i++) {
    if (((dr7 >> (i << 1)) & 3) == 0) continue;
    const kind = (dr7 >> (16 + (i << 2))) & 3;
    const size = (dr7 >> (18 + (i << 2))) & 3;
    // Kinds: 0 execution, 1 writes, 3 reads and writes. Sizes: 1, 2, 8, 4 bytes.
    if (kind == 0 || (kind == 1 && !write) || kind == 2) continue;
    const length: u64 = size == 2 ? 8 : size + 1;
    const start = load<u64>(cpu + (i << 3), CPU_DR) & ~(length - 1);
    if (va < start + length && start < va + bytes) dataHits |= (<u64>1) << i;
  }
}

/** Bits of DR6 for the instruction breakpoints that match this address; none while RF is set. */
export function instructionBreakpoints(cpu: usize, linear: u64): u64 {
  const dr7 = load<u64>(cpu, CPU_DR7);
  if ((dr7 & DR7_ENABLES) == 0 || (flagsOther(cpu) & FLAG_RF) != 0) return 0;
  let hits: u64 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    const armed = ((dr7 >> (i << 1)) & 3) != 0 && ((dr7 >> (16 + (i << 2))) & 3) == 0;
    if (armed && load<u64>(cpu + (i << 3), CPU_DR) == linear) hits |= (<u64>1) << i;
  }
  return hits;
}

export function isStepping(cpu: usize): bool {
  return load<u32>(cpu, CPU_STEPPING) != 0;
}

/** RFLAGS.TF when the step began: the trap belongs to the instruction before which it was set. */
export function stepTraps(cpu: usize): bool {
  return load<u32>(cpu, CPU_STEPPING) == STEPPING_WITH_TRAP;
}

/** An interrupt instruction clears TF before its own trap would come. */
export function dropStepTrap(cpu: usize): void {
  if (isStepping(cpu)) store<u32>(cpu, STEPPING, CPU_STEPPING);
}

/** SYSCALL is trapped by the TF it leaves behind. */
export function retakeStepTrap(cpu: usize): void {
  if (isStepping(cpu)) beginStepping(cpu);
}

export function beginStepping(cpu: usize): void {
  store<u32>(cpu, (flagsOther(cpu) & FLAG_TF) != 0 ? STEPPING_WITH_TRAP : STEPPING, CPU_STEPPING);
}

export function endStepping(cpu: usize): void {
  store<u32>(cpu, 0, CPU_STEPPING);
}
