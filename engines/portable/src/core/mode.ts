// What follows from control registers, code segment, privilege and flags: decoder mode, jump-cache context, TLB bank.

import {
  CPU_CPL, CPU_MODE, FLAG_AC, FLAG_TF, MODE_CODE16, MODE_CODE32, MODE_CODE64, MODE_NO_FPU,
  MODE_NO_SSE, MODE_SINGLE, MODE_STACK32, SEG_CS, SEG_SS,
} from "../layout";
import { hasBreakpoints } from "./interrupts/debug";
import { updateContext } from "./mmu/jump-cache";
import { bankOf, selectBank } from "./mmu/tlb";
import {
  attend, cpl, cr0, CR0_EM, CR0_TS, cr4, CR4_OSFXSR, CR4_SMAP, efer, EFER_LMA, flagsOther, segAttributes,
} from "./state";

/** Attribute bits of a segment as its descriptor has them (bits 40 to 55 moved to 0). */
export const ATTRIBUTE_L: u32 = 0x2000;
export const ATTRIBUTE_DB: u32 = 0x4000;

/** To be called after any change of what the mode depends on. */
export function updateMode(cpu: usize): void {
  const cs = segAttributes(cpu, SEG_CS);
  let mode: u32 = MODE_CODE16;
  if ((efer(cpu) & EFER_LMA) != 0 && (cs & ATTRIBUTE_L) != 0) mode = MODE_CODE64;
  else if ((cs & ATTRIBUTE_DB) != 0) mode = MODE_CODE32;
  if ((segAttributes(cpu, SEG_SS) & ATTRIBUTE_DB) != 0 && mode != MODE_CODE64) mode |= MODE_STACK32;
  if ((cr0(cpu) & (CR0_TS | CR0_EM)) != 0) mode |= MODE_NO_FPU;
  if ((cr4(cpu) & CR4_OSFXSR) == 0 || (cr0(cpu) & CR0_EM) != 0) mode |= MODE_NO_SSE;
  if ((flagsOther(cpu) & FLAG_TF) != 0 || hasBreakpoints(cpu)) {
    mode |= MODE_SINGLE;
    // The running block was decoded without this: leave it at its end.
    attend(cpu);
  }
  store<u32>(cpu, mode, CPU_MODE);
  updateContext(cpu);
  updateBank(cpu);
}

export function updateBank(cpu: usize): void {
  const accessCheck = (flagsOther(cpu) & FLAG_AC) != 0;
  selectBank(cpu, bankOf(cpl(cpu), accessCheck, (cr4(cpu) & CR4_SMAP) != 0));
}

export function setPrivilege(cpu: usize, level: u32): void {
  store<u32>(cpu, level, CPU_CPL);
}
