// Segment registers and descriptors. SDM volume 3, chapters 3 and 5. Limits are kept but, as in other emulators, not checked on
// data accesses; presence, type and privilege are checked whenever a register is loaded.

import {
  CPU_GDTR_BASE, CPU_GDTR_LIMIT, CPU_MODE, MODE_CODE64, MODE_CODE_MASK, MODE_STACK32, SEG_CS, SEG_FS, SEG_GS,
  SEG_LDTR, SEG_SS, SEG_TR, SHADOW_STACK,
} from "../../layout";
import { memoryValue, readSystem, writeSystem } from "../mmu/access";
import { updateMode } from "../mode";
import {
  attend, cpl, faultAt, holdInterrupts, is64, isLongMode, isProtected, NEXT, nextRipOf, raise, raiseAt, segAttributes, segBase, segLimit, segSelector,
  setSegment, VECTOR_GP, VECTOR_NP, VECTOR_SS, VECTOR_UD,
} from "../state";

/** Descriptor read by `loadDescriptor`, and the upper half of a 16-byte system descriptor. */
export let loadedDescriptor: u64 = 0;
let descriptorAddress: u64 = 0;

const ATTRIBUTE_ACCESSED: u64 = (<u64>1) << 40;

export function descriptorBase(d: u64): u64 {
  return ((d >> 16) & 0xff_ffff) | ((d >> 32) & 0xff00_0000);
}

/** In bytes. */
export function descriptorLimit(d: u64): u32 {
  const limit = (<u32>d & 0xffff) | (<u32>(d >> 32) & 0xf_0000);
  return (d & ((<u64>1) << 55)) != 0 ? (limit << 12) | 0xfff : limit;
}

/** Bits 40 to 55 without the limit's part: type, S, DPL, P, AVL, L, D/B, G. */
export function descriptorAttributes(d: u64): u32 {
  return <u32>(d >> 40) & 0xf0ff;
}

/** Reads the descriptor of a selector; beyond its table `vector`(selector) is recorded. False when it faulted. */
export function loadDescriptor(cpu: usize, selector: u32, vector: u32): bool {
  const index = selector & 0xfff8;
  const local = (selector & 4) != 0;
  const base = local ? segBase(cpu, SEG_LDTR) : load<u64>(cpu, CPU_GDTR_BASE);
  const limit = local ? segLimit(cpu, SEG_LDTR) : load<u32>(cpu, CPU_GDTR_LIMIT);
  const usable = !local || (segAttributes(cpu, SEG_LDTR) & 0x80) != 0;
  if (!usable || index + 7 > limit) {
    raise(cpu, vector, selector & 0xfffc);
    return false;
  }
  descriptorAddress = base + index;
  if (!readSystem(cpu, descriptorAddress, 8)) return false;
  loadedDescriptor = memoryValue;
  return true;
}

/** Sets the accessed bit of the descriptor just loaded, in memory and in `loadedDescriptor`. */
export function markAccessed(cpu: usize): bool {
  if ((loadedDescriptor & ATTRIBUTE_ACCESSED) != 0) return true;
  loadedDescriptor |= ATTRIBUTE_ACCESSED;
  return writeSystem(cpu, descriptorAddress + 5, 1, (loadedDescriptor >> 40) & 0xff);
}

/** Puts a checked descriptor in a segment register. */
export function loadSegmentCache(cpu: usize, n: u32, selector: u32, d: u64): void {
  setSegment(cpu, n, selector, descriptorBase(d), descriptorLimit(d), descriptorAttributes(d));
}

/** A null selector; SS keeps a privilege so that it stays a stack segment in long mode. */
export function nullSegment(cpu: usize, n: u32, rpl: u32): void {
  if (n == SEG_SS) setSegment(cpu, n, rpl, 0, 0xffff_ffff, 0xc093 | (rpl << 5));
  else setSegment(cpu, n, rpl, isLongMode(cpu) ? segBase(cpu, n) : 0, 0, 0);
}

/** Real mode: base is selector × 16; limits are left as they were. */
export function setRealSegment(cpu: usize, n: u32, selector: u32): void {
  setSegment(cpu, n, selector, selector << 4, 0xffff, n == SEG_CS ? 0x009b : 0x0093);
}

/** MOV, POP and Lxs to a data or stack segment register. */
export function loadSegment(cpu: usize, uop: usize, number: u32, selector: u32): u32 {
  const n = number & 7;
  if (n == SEG_CS || n > <u32>SEG_GS) return raiseAt(cpu, uop, VECTOR_UD, 0);
  if (!putSegment(cpu, n, selector)) return faultAt(cpu, uop);
  if (n == SEG_SS) afterStackLoad(cpu, uop, number == n);
  return NEXT;
}

/** SS decides the stack width, which is part of the decoder's mode. The stack pointer is to be loaded undisturbed. */
function afterStackLoad(cpu: usize, uop: usize, hold: bool): void {
  if (hold) holdInterrupts(cpu, nextRipOf(cpu, uop), SHADOW_STACK);
  if (is64(cpu)) return;
  const before = load<u32>(cpu, CPU_MODE);
  updateMode(cpu);
  if (load<u32>(cpu, CPU_MODE) != before) attend(cpu);
}

/** Checks and loads; false with the exception recorded. */
export function putSegment(cpu: usize, n: u32, selector: u32): bool {
  if (!isProtected(cpu)) {
    setRealSegment(cpu, n, selector);
    return true;
  }
  if ((selector & 0xfffc) == 0) {
    if (n == SEG_SS && !(is64(cpu) && cpl(cpu) != 3 && (selector & 3) == cpl(cpu))) {
      raise(cpu, VECTOR_GP, 0);
      return false;
    }
    setNull(cpu, n, selector);
    return true;
  }
  if (!loadDescriptor(cpu, selector, VECTOR_GP)) return false;
  const attributes = descriptorAttributes(loadedDescriptor);
  const bad = n == SEG_SS ? !stackIsLoadable(cpu, selector, attributes) : !dataIsLoadable(cpu, selector, attributes);
  if (bad) {
    raise(cpu, VECTOR_GP, selector & 0xfffc);
    return false;
  }
  if ((attributes & 0x80) == 0) {
    raise(cpu, n == SEG_SS ? VECTOR_SS : VECTOR_NP, selector & 0xfffc);
    return false;
  }
  if (!markAccessed(cpu)) return false;
  loadSegmentCache(cpu, n, selector, loadedDescriptor);
  return true;
}

/** Loading a null selector clears FS and GS bases too (as Intel processors do). */
function setNull(cpu: usize, n: u32, selector: u32): void {
  if (n == SEG_SS) nullSegment(cpu, n, selector);
  else setSegment(cpu, n, selector, 0, 0, 0);
}

function stackIsLoadable(cpu: usize, selector: u32, attributes: u32): bool {
  const writableData = (attributes & 0x1a) == 0x12;
  return writableData && (selector & 3) == cpl(cpu) && ((attributes >> 5) & 3) == cpl(cpu);
}

function dataIsLoadable(cpu: usize, selector: u32, attributes: u32): bool {
  if ((attributes & 0x10) == 0) return false;
  const code = (attributes & 8) != 0;
  if (code && (attributes & 2) == 0) return false;
  const conforming = code && (attributes & 4) != 0;
  const dpl = (attributes >> 5) & 3;
  return conforming || (dpl >= cpl(cpu) && dpl >= (selector & 3));
}

/** On return to an outer privilege, data segments that it may not use become null. */
export function dropInnerSegments(cpu: usize): void {
  for (let n: u32 = 0; n <= <u32>SEG_GS; n++) {
    if (n == SEG_CS || n == SEG_SS) continue;
    const attributes = segAttributes(cpu, n);
    const conformingCode = (attributes & 0x1c) == 0x1c;
    if ((attributes & 0x10) != 0 && !conformingCode && ((attributes >> 5) & 3) < cpl(cpu))
      setSegment(cpu, n, 0, n == SEG_FS || n == SEG_GS ? segBase(cpu, n) : 0, 0, 0);
  }
}

/** LLDT: 16-byte descriptors in long mode. */
export function loadLdt(cpu: usize, uop: usize, selector: u32): u32 {
  if (!isProtected(cpu)) return raiseAt(cpu, uop, VECTOR_UD, 0);
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  if ((selector & 0xfffc) == 0) {
    setSegment(cpu, SEG_LDTR, selector, 0, 0, 0);
    return NEXT;
  }
  return loadSystemSegment(cpu, uop, SEG_LDTR, selector, 2);
}

export function loadTask(cpu: usize, uop: usize, selector: u32): u32 {
  if (!isProtected(cpu)) return raiseAt(cpu, uop, VECTOR_UD, 0);
  if (cpl(cpu) != 0 || (selector & 0xfffc) == 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  return loadSystemSegment(cpu, uop, SEG_TR, selector, 9);
}

function loadSystemSegment(cpu: usize, uop: usize, n: u32, selector: u32, type: u32): u32 {
  if ((selector & 4) != 0) return raiseAt(cpu, uop, VECTOR_GP, selector & 0xfffc);
  if (!loadDescriptor(cpu, selector, VECTOR_GP)) return faultAt(cpu, uop);
  const d = loadedDescriptor;
  const address = descriptorAddress;
  const attributes = descriptorAttributes(d);
  if ((attributes & 0x1f) != type) return raiseAt(cpu, uop, VECTOR_GP, selector & 0xfffc);
  if ((attributes & 0x80) == 0) return raiseAt(cpu, uop, VECTOR_NP, selector & 0xfffc);
  let base = descriptorBase(d);
  if (isLongMode(cpu)) {
    if (!readSystem(cpu, address + 8, 8)) return faultAt(cpu, uop);
    base |= memoryValue << 32;
  }
  let busy: u32 = 0;
  if (n == SEG_TR) {
    busy = 2;
    if (!writeSystem(cpu, address + 5, 1, (d >> 40) | 2)) return faultAt(cpu, uop);
  }
  setSegment(cpu, n, selector, base, descriptorLimit(d), attributes | busy);
  return NEXT;
}

export function segmentSelector(cpu: usize, number: u32): u32 {
  return segSelector(cpu, min<u32>(number & 7, SEG_GS));
}

/** Width of the stack pointer as a mask. */
export function stackWidthMask(cpu: usize): u64 {
  const mode = load<u32>(cpu, CPU_MODE);
  if ((mode & MODE_CODE_MASK) == MODE_CODE64) return ~(<u64>0);
  return (mode & MODE_STACK32) != 0 ? 0xffff_ffff : 0xffff;
}

// A stack frame under construction: nothing in the vCPU changes until the caller takes `framePointer`.
export let framePointer: u64 = 0;
export let frameFailed: bool = false;
let frameBase: u64 = 0;
let frameMask: u64 = 0;
let frameBytes: u32 = 0;

export function beginFrame(_cpu: usize, base: u64, pointer: u64, mask: u64, bytes: u32): void {
  frameBase = base;
  framePointer = pointer;
  frameMask = mask;
  frameBytes = bytes;
  frameFailed = false;
}

export function pushOnFrame(cpu: usize, value: u64): void {
  if (frameFailed) return;
  const pointer = (framePointer - frameBytes) & frameMask;
  if (!writeSystem(cpu, (frameBase + pointer) & 0xffff_ffff, frameBytes, value)) frameFailed = true;
  else framePointer = pointer;
}
