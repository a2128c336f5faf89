// Stack instructions outside the fast 64-bit cases: legacy modes (a stack segment base, 16- or 32-bit stack pointer), ENTER, PUSHF,
// POPF, PUSHA, segment registers. SDM volume 2.

import {
  FLAG_AC, FLAG_ID, FLAG_IF, FLAG_IOPL, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM, FLAGS_ARITHMETIC,
  FLAG_DF, SEG_SS, UOP_BASE,
} from "../../layout";
import { getFlags, setFlags } from "../flags";
import { memoryValue, probeWrite, readMemory, writeMemory } from "../mmu/access";
import { updateMode } from "../mode";
import { loadSegment, segmentSelector, stackWidthMask } from "./segments";
import {
  cpl, faultAt, gpr, is64, isProtected, maskOf, mayInterrupt, NEXT, nextRipOf, RBP, RESUME, RSP, segBase, setGpr,
  setRip, setSlot,
} from "../state";

/** Linear address of a stack offset. */
export function stackAddress(cpu: usize, pointer: u64): u64 {
  return is64(cpu) ? pointer : (segBase(cpu, SEG_SS) + pointer) & 0xffff_ffff;
}

export function setStackPointer(cpu: usize, value: u64): void {
  const mask = stackWidthMask(cpu);
  // A 32-bit stack pointer clears the upper half, a 16-bit one keeps what is above it.
  const kept = mask == 0xffff ? gpr(cpu, RSP) & ~mask : 0;
  setGpr(cpu, RSP, kept | (value & mask));
}

/** Pushes; false with the exception recorded and nothing changed. */
export function push(cpu: usize, value: u64, bytes: u32): bool {
  const pointer = (gpr(cpu, RSP) - bytes) & stackWidthMask(cpu);
  if (!writeMemory(cpu, stackAddress(cpu, pointer), bytes, value)) return false;
  setStackPointer(cpu, pointer);
  return true;
}

/** Reads `offset` bytes above the stack pointer into `memoryValue`. */
export function peek(cpu: usize, offset: u64, bytes: u32): bool {
  const pointer = (gpr(cpu, RSP) + offset) & stackWidthMask(cpu);
  return readMemory(cpu, stackAddress(cpu, pointer), bytes);
}

export function moveStack(cpu: usize, bytes: u64): void {
  setStackPointer(cpu, gpr(cpu, RSP) + bytes);
}

export function pushLegacy(cpu: usize, uop: usize, value: u64, bytes: u32): u32 {
  return push(cpu, value, bytes) ? NEXT : faultAt(cpu, uop);
}

export function popLegacyToRegister(cpu: usize, uop: usize, slot: u32, bytes: u32): u32 {
  if (!peek(cpu, 0, bytes)) return faultAt(cpu, uop);
  moveStack(cpu, bytes);
  setSlot(cpu, slot, memoryValue, bytes);
  return NEXT;
}

/** An operand relative to ESP is found with the value ESP has after the pop. */
export function popLegacyToMemory(cpu: usize, uop: usize, address: u64, bytes: u32): u32 {
  const onStack = load<u16>(uop, UOP_BASE) == RSP << 3;
  const target = onStack ? (address + bytes) & 0xffff_ffff : address;
  if (!peek(cpu, 0, bytes) || !writeMemory(cpu, target, bytes, memoryValue)) return faultAt(cpu, uop);
  moveStack(cpu, bytes);
  return NEXT;
}

export function leaveLegacy(cpu: usize, uop: usize, bytes: u32): u32 {
  const frame = gpr(cpu, RBP) & stackWidthMask(cpu);
  if (!readMemory(cpu, stackAddress(cpu, frame), bytes)) return faultAt(cpu, uop);
  setStackPointer(cpu, frame + bytes);
  setSlot(cpu, RBP << 3, memoryValue, bytes);
  return NEXT;
}

export function enter(cpu: usize, uop: usize, size: u32, nesting: u32, bytes: u32): u32 {
  const level = nesting & 31;
  const old = gpr(cpu, RSP);
  if (!push(cpu, gpr(cpu, RBP), bytes)) return faultAt(cpu, uop);
  const frame = gpr(cpu, RSP);
  for (let i: u32 = 1; i < level; i++) {
    const outer = (gpr(cpu, RBP) - i * bytes) & stackWidthMask(cpu);
    if (!readMemory(cpu, stackAddress(cpu, outer), bytes) || !push(cpu, memoryValue, bytes)) {
      setGpr(cpu, RSP, old);
      return faultAt(cpu, uop);
    }
  }
  if (level > 0 && !push(cpu, frame, bytes)) {
    setGpr(cpu, RSP, old);
    return faultAt(cpu, uop);
  }
  // The new top of the stack has to be writable, though nothing is written there.
  const top = (gpr(cpu, RSP) - size) & stackWidthMask(cpu);
  if (!probeWrite(cpu, stackAddress(cpu, top), bytes)) {
    setGpr(cpu, RSP, old);
    return faultAt(cpu, uop);
  }
  setSlot(cpu, RBP << 3, frame, bytes);
  setStackPointer(cpu, top);
  return NEXT;
}

export function pushFlags(cpu: usize, uop: usize, bytes: u32): u32 {
  return pushLegacy(cpu, uop, getFlags(cpu) & ~(FLAG_RF | FLAG_VM), bytes);
}

export function popFlags(cpu: usize, uop: usize, bytes: u32): u32 {
  if (!peek(cpu, 0, bytes)) return faultAt(cpu, uop);
  const value = <u32>memoryValue;
  moveStack(cpu, bytes);
  const old = getFlags(cpu);
  writeFlags(cpu, bytes == 2 ? (value & 0xffff) | (old & 0xffff_0000) : value);
  const risen = getFlags(cpu) & ~old;
  if ((risen & FLAG_TF) == 0 && ((risen & FLAG_IF) == 0 || !mayInterrupt(cpu))) return NEXT;
  // An interrupt may come before the next instruction, a trap comes behind it.
  setRip(cpu, nextRipOf(cpu, uop));
  return RESUME;
}

/** Which flags change depends on privilege. SDM volume 2, POPF. */
function writeFlags(cpu: usize, value: u32): void {
  let writable: u32 = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID;
  const level = isProtected(cpu) ? cpl(cpu) : 0;
  const old = getFlags(cpu);
  if (level == 0) writable |= FLAG_IOPL;
  if (level <= (old & FLAG_IOPL) >> 12) writable |= FLAG_IF;
  const flags = (old & ~(writable | FLAG_RF)) | (value & writable);
  setFlags(cpu, flags);
  const changed = old ^ flags;
  if ((changed & (FLAG_TF | FLAG_AC)) != 0) updateMode(cpu);
}

export function pushAll(cpu: usize, uop: usize, bytes: u32): u32 {
  const old = gpr(cpu, RSP);
  for (let n: u32 = 0; n < 8; n++) {
    if (push(cpu, n == RSP ? old : gpr(cpu, n), bytes)) continue;
    setGpr(cpu, RSP, old);
    return faultAt(cpu, uop);
  }
  return NEXT;
}

export function popAll(cpu: usize, uop: usize, bytes: u32): u32 {
  // All reads come first, so that a fault leaves every register alone.
  for (let i: u32 = 0; i < 8; i++) if (!peek(cpu, i * bytes, bytes)) return faultAt(cpu, uop);
  for (let i: u32 = 0; i < 8; i++) {
    peek(cpu, i * bytes, bytes);
    if (7 - i != RSP) setSlot(cpu, (7 - i) << 3, memoryValue, bytes);
  }
  moveStack(cpu, 8 * bytes);
  return NEXT;
}

export function pushSegment(cpu: usize, uop: usize, segment: u32, bytes: u32): u32 {
  return pushLegacy(cpu, uop, segmentSelector(cpu, segment), bytes);
}

export function popSegment(cpu: usize, uop: usize, segment: u32, bytes: u32): u32 {
  if (!peek(cpu, 0, bytes)) return faultAt(cpu, uop);
  const status = loadSegment(cpu, uop, segment, <u32>memoryValue & 0xffff);
  if (status == NEXT) moveStack(cpu, bytes);
  return status;
}

export function pushReturnLegacy(cpu: usize, uop: usize, bytes: u32): u32 {
  return pushLegacy(cpu, uop, nextRipOf(cpu, uop), bytes);
}

/** Near transfers of legacy modes through a value. */
export function jumpLegacy(cpu: usize, _uop: usize, target: u64, bytes: u32): u32 {
  setRip(cpu, target & maskOf(bytes));
  return RESUME;
}

export function callLegacy(cpu: usize, uop: usize, target: u64, bytes: u32): u32 {
  if (!push(cpu, nextRipOf(cpu, uop), bytes)) return faultAt(cpu, uop);
  return jumpLegacy(cpu, uop, target, bytes);
}

export function returnLegacy(cpu: usize, uop: usize, extra: u32, bytes: u32): u32 {
  if (!peek(cpu, 0, bytes)) return faultAt(cpu, uop);
  moveStack(cpu, bytes + extra);
  return jumpLegacy(cpu, uop, memoryValue, bytes);
}
