// Delivery of exceptions and interrupts through the IDT. SDM volume 3, chapter 6. The gates of 64-bit mode are here, those of
// the legacy modes in interrupts-legacy.ts; task gates are not supported and raise #GP.

import {
  CPU_COUNT_EXCEPTIONS, CPU_COUNT_INTERRUPTS, CPU_ERROR_CODE, CPU_IDTR_BASE, CPU_IDTR_LIMIT, CPU_VECTOR, SEG_CS, SEG_SS,
} from "../../layout";
import { count } from "../count";
import { dropStepTrap } from "./debug";
import {
  enterHandler, EVENT_EXCEPTION, EVENT_HARDWARE, EVENT_SOFTWARE, fail, gateCodeLevel, idtError, readTask, savedFlags,
} from "./gates";
import { deliverProtected, deliverReal } from "./interrupts-legacy";
import { memoryValue, readSystem, writeSystem } from "../mmu/access";
import { loadedDescriptor, nullSegment } from "../segments/segments";
import {
  cpl, faultAt, gpr, isCanonical, isLongMode, isProtected, nextRipOf, RESUME, rip, RSP, segSelector, setGpr, setRip,
  VECTOR_DB, VECTOR_DF, VECTOR_GP, VECTOR_NP, VECTOR_PF, VECTOR_SS, VECTOR_TS,
} from "../state";

function hasErrorCode(vector: u32): bool {
  return vector == VECTOR_DF || (vector >= VECTOR_TS && vector <= VECTOR_PF) || vector == 17 || vector == 21;
}

/** Contributory exceptions and page faults make double faults of each other. SDM table 6-5. */
function isContributory(vector: u32): bool {
  return vector == 0 || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

/** Delivers the recorded exception, and what its delivery raises. False: triple fault. */
export function deliverException(cpu: usize): bool {
  let vector = load<u32>(cpu, CPU_VECTOR);
  let error = load<u32>(cpu, CPU_ERROR_CODE);
  count(cpu, CPU_COUNT_EXCEPTIONS + ((vector & 31) << 3));
  while (true) {
    if (deliver(cpu, vector, error, hasErrorCode(vector), EVENT_EXCEPTION)) return true;
    const second = load<u32>(cpu, CPU_VECTOR);
    if (vector == VECTOR_DF) return false;
    const doubled = (isContributory(vector) && isContributory(second)) ||
      (vector == VECTOR_PF && (isContributory(second) || second == VECTOR_PF));
    error = doubled ? 0 : load<u32>(cpu, CPU_ERROR_CODE);
    vector = doubled ? VECTOR_DF : second;
  }
  return false;
}

/** Delivers a hardware interrupt; false: triple fault. */
export function deliverInterrupt(cpu: usize, vector: u32): bool {
  count(cpu, CPU_COUNT_INTERRUPTS);
  return deliver(cpu, vector, 0, false, EVENT_HARDWARE) || deliverException(cpu);
}

/** INT n, INT3, INTO at `uop`. */
export function softwareInterrupt(cpu: usize, uop: usize, vector: u32): u32 {
  return interruptAt(cpu, uop, vector, EVENT_SOFTWARE);
}

/** INT1 passes its gate whatever the privilege, as hardware does. */
export function debugInterrupt(cpu: usize, uop: usize): u32 {
  return interruptAt(cpu, uop, VECTOR_DB, EVENT_HARDWARE);
}

function interruptAt(cpu: usize, uop: usize, vector: u32, event: u32): u32 {
  const here = rip(cpu);
  setRip(cpu, nextRipOf(cpu, uop));
  if (deliver(cpu, vector, 0, false, event)) {
    dropStepTrap(cpu);
    return RESUME;
  }
  setRip(cpu, here);
  return faultAt(cpu, uop);
}

/** One delivery; false with the exception that stopped it recorded. Nothing is changed then. */
function deliver(cpu: usize, vector: u32, error: u32, withError: bool, event: u32): bool {
  if (!isProtected(cpu)) return deliverReal(cpu, vector);
  return isLongMode(cpu)
    ? deliverLong(cpu, vector, error, withError, event)
    : deliverProtected(cpu, vector, error, withError, event);
}

function deliverLong(cpu: usize, vector: u32, error: u32, withError: bool, event: u32): bool {
  const at = vector << 4;
  const fault = idtError(vector, event);
  if (at + 15 > load<u32>(cpu, CPU_IDTR_LIMIT)) return fail(cpu, VECTOR_GP, fault);
  const gate = load<u64>(cpu, CPU_IDTR_BASE) + at;
  if (!readSystem(cpu, gate, 8)) return false;
  const low = memoryValue;
  if (!readSystem(cpu, gate + 8, 8)) return false;
  const high = memoryValue;
  const type = <u32>(low >> 40) & 0x1f;
  if (type != 0x0e && type != 0x0f) return fail(cpu, VECTOR_GP, fault);
  if (event == EVENT_SOFTWARE && (<u32>(low >> 45) & 3) < cpl(cpu)) return fail(cpu, VECTOR_GP, fault);
  if ((low & (1 << 47)) == 0) return fail(cpu, VECTOR_NP, fault);
  const target = (low & 0xffff) | ((low >> 32) & 0xffff_0000) | (high << 32);
  const selector = <u32>(low >> 16) & 0xffff;
  const level = gateCodeLevel(cpu, selector, true, event);
  if (level < 0) return false;
  const code = loadedDescriptor;
  const newLevel = <u32>level;
  const ist = <u32>(low >> 32) & 7;
  let sp = gpr(cpu, RSP);
  if (ist != 0) {
    if (!readTask(cpu, 36 + (ist - 1) * 8, 8, event)) return false;
    sp = memoryValue;
  } else if (newLevel < cpl(cpu)) {
    if (!readTask(cpu, 4 + newLevel * 8, 8, event)) return false;
    sp = memoryValue;
  }
  if (!isCanonical(sp)) return fail(cpu, VECTOR_SS, 0);
  if (!isCanonical(target)) return fail(cpu, VECTOR_GP, 0);
  sp &= ~(<u64>15);
  if (!pushFrame(cpu, sp, error, withError, event)) return false;
  setGpr(cpu, RSP, sp - (withError ? 48 : 40));
  if (newLevel != cpl(cpu)) nullSegment(cpu, SEG_SS, newLevel);
  enterHandler(cpu, selector, code, newLevel, target, type);
  return true;
}

function pushFrame(cpu: usize, sp: u64, error: u32, withError: bool, event: u32): bool {
  return (
    writeSystem(cpu, sp - 8, 8, segSelector(cpu, SEG_SS)) &&
    writeSystem(cpu, sp - 16, 8, gpr(cpu, RSP)) &&
    writeSystem(cpu, sp - 24, 8, savedFlags(cpu, event)) &&
    writeSystem(cpu, sp - 32, 8, segSelector(cpu, SEG_CS)) &&
    writeSystem(cpu, sp - 40, 8, rip(cpu)) &&
    (!withError || writeSystem(cpu, sp - 48, 8, error))
  );
}
