// What deliveries through the IDT have in common, whatever the mode: event kinds, error codes, the gate's code segment, entry.
// SDM volume 3, chapter 6.

import { CPU_VECTOR, FLAG_IF, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM, SEG_CS, SEG_TR } from "../../layout";
import { getFlags, setFlags } from "../flags";
import { readSystem } from "../mmu/access";
import { setPrivilege, updateMode } from "../mode";
import { descriptorAttributes, loadDescriptor, loadedDescriptor, loadSegmentCache } from "../segments/segments";
import { cpl, raise, segBase, segLimit, segSelector, setRip, VECTOR_DB, VECTOR_GP, VECTOR_NP, VECTOR_TS } from "../state";

/** What kind of event is delivered: sets the EXT bit of error codes and the privilege check of the gate. */
export const EVENT_HARDWARE: u32 = 0;
export const EVENT_EXCEPTION: u32 = 1;
export const EVENT_SOFTWARE: u32 = 2;

export const NO_VECTOR: u32 = 0xffff_ffff;

/** Error code that names an IDT entry. */
export function idtError(vector: u32, event: u32): u32 {
  return (vector << 3) | 2 | (event == EVENT_SOFTWARE ? 0 : 1);
}

export function savedFlags(cpu: usize, event: u32): u32 {
  const flags = getFlags(cpu);
  // Faults save RF set, so that the instruction is not stopped again by its breakpoint.
  return event == EVENT_EXCEPTION && load<u32>(cpu, CPU_VECTOR) != VECTOR_DB ? flags | FLAG_RF : flags;
}

/** Checks a gate's code segment; answers the privilege to run at, -1 with the exception recorded. */
export function gateCodeLevel(cpu: usize, selector: u32, needLong: bool, event: u32): i32 {
  const ext: u32 = event == EVENT_SOFTWARE ? 0 : 1;
  if ((selector & ~3) == 0) return fail(cpu, VECTOR_GP, ext) ? 0 : -1;
  if (!loadDescriptor(cpu, selector, VECTOR_GP)) return -1;
  const attributes = descriptorAttributes(loadedDescriptor);
  const dpl = (attributes >> 5) & 3;
  const error = (selector & 0xfffc) | ext;
  if ((attributes & 0x18) != 0x18 || dpl > cpl(cpu)) return fail(cpu, VECTOR_GP, error) ? 0 : -1;
  if (needLong && (attributes & 0x6000) != 0x2000) return fail(cpu, VECTOR_GP, error) ? 0 : -1;
  if ((attributes & 0x80) == 0) return fail(cpu, VECTOR_NP, error) ? 0 : -1;
  return (attributes & 4) != 0 ? <i32>cpl(cpu) : <i32>dpl;
}

/** Reads a stack pointer of the task state into `memoryValue`; #TS beyond its limit. */
export function readTask(cpu: usize, offset: u32, bytes: u32, event: u32): bool {
  if (offset + bytes - 1 > segLimit(cpu, SEG_TR))
    return fail(cpu, VECTOR_TS, (segSelector(cpu, SEG_TR) & 0xfffc) | (event == EVENT_SOFTWARE ? 0 : 1));
  return readSystem(cpu, segBase(cpu, SEG_TR) + offset, bytes);
}

/** Common end of a delivery: code segment, RIP, flags. Interrupt gates (even types) clear IF. */
export function enterHandler(cpu: usize, selector: u32, code: u64, level: u32, target: u64, type: u32): void {
  setPrivilege(cpu, level);
  loadSegmentCache(cpu, SEG_CS, (selector & ~3) | level, code);
  setRip(cpu, target);
  let flags = getFlags(cpu) & ~(FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM);
  if ((type & 1) == 0) flags &= ~FLAG_IF;
  setFlags(cpu, flags);
  updateMode(cpu);
}

export function fail(cpu: usize, vector: u32, error: u32): bool {
  raise(cpu, vector, error);
  return false;
}
