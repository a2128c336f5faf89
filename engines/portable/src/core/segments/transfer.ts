// Transfers that can change mode or privilege: far JMP, CALL and RET, IRET, SYSCALL, SYSRET, SYSENTER, SYSEXIT. SDM volume 2.
// Call gates and tasks are not supported: they raise #GP. Virtual-8086 mode is not offered.

import {
  CPU_MSR_CSTAR, CPU_MSR_FMASK, CPU_MSR_LSTAR, CPU_MSR_STAR, CPU_MSR_SYSENTER_CS,
  CPU_MSR_SYSENTER_EIP, CPU_MSR_SYSENTER_ESP, CPU_NMI_BLOCKED, FLAG_AC, FLAG_DF, FLAG_ID, FLAG_IF, FLAG_IOPL, FLAG_NT,
  FLAG_RF, FLAG_TF, FLAG_VM, FLAGS_ARITHMETIC, SEG_CS, SEG_SS,
} from "../../layout";
import { getFlags, setFlags } from "../flags";
import { hasBreakpoints, retakeStepTrap } from "../interrupts/debug";
import { memoryValue } from "../mmu/access";
import { setPrivilege, updateMode } from "../mode";
import {
  descriptorAttributes, dropInnerSegments, loadDescriptor, loadedDescriptor, loadSegmentCache, markAccessed, nullSegment,
  setRealSegment,
} from "./segments";
import { moveStack, peek, push, setStackPointer } from "./stack";
import {
  arrive, cpl, efer, EFER_SCE, faultAt, gpr, is64, isCanonical, isLongMode, isProtected, maskOf, nextRipOf, raise, raiseAt, R11,
  RCX, RDX, RESUME, RSP, segSelector, setGpr, setRip, setSegment, VECTOR_GP, VECTOR_NP, VECTOR_SS, VECTOR_UD,
} from "../state";

/** Loads CS for a far transfer to `level`; false with the exception recorded. */
function putCode(cpu: usize, selector: u32, level: u32, isReturn: bool): bool {
  if ((selector & 0xfffc) == 0) {
    raise(cpu, VECTOR_GP, 0);
    return false;
  }
  if (!loadDescriptor(cpu, selector, VECTOR_GP)) return false;
  const attributes = descriptorAttributes(loadedDescriptor);
  const dpl = (attributes >> 5) & 3;
  const conforming = (attributes & 4) != 0;
  let allowed = (attributes & 0x18) == 0x18;
  // A code segment cannot be 64-bit and 32-bit at once.
  if (isLongMode(cpu) && (attributes & 0x6000) == 0x6000) allowed = false;
  if (conforming) allowed = allowed && dpl <= level;
  else allowed = allowed && dpl == level && (isReturn || (selector & 3) <= level);
  if (!allowed) {
    raise(cpu, VECTOR_GP, selector & 0xfffc);
    return false;
  }
  if ((attributes & 0x80) == 0) {
    raise(cpu, VECTOR_NP, selector & 0xfffc);
    return false;
  }
  return markAccessed(cpu);
}

/** A target of the code segment just loaded outside the canonical addresses is the transfer's own fault. */
function checkTarget(cpu: usize, target: u64): bool {
  const long = isLongMode(cpu) && (descriptorAttributes(loadedDescriptor) & 0x2000) != 0;
  if (!long || isCanonical(target)) return true;
  raise(cpu, VECTOR_GP, 0);
  return false;
}

function enterCode(cpu: usize, selector: u32, level: u32, target: u64): void {
  setPrivilege(cpu, level);
  loadSegmentCache(cpu, SEG_CS, (selector & 0xfffc) | level, loadedDescriptor);
  updateMode(cpu);
  setRip(cpu, is64(cpu) ? target : target & 0xffff_ffff);
}

export function farJump(cpu: usize, uop: usize, selector: u32, offset: u64, bytes: u32): u32 {
  if (!isProtected(cpu)) {
    setRealSegment(cpu, SEG_CS, selector);
    setRip(cpu, offset & maskOf(bytes));
    updateMode(cpu);
    return RESUME;
  }
  if (!putCode(cpu, selector, cpl(cpu), false) || !checkTarget(cpu, offset & maskOf(bytes))) return faultAt(cpu, uop);
  enterCode(cpu, selector, cpl(cpu), offset & maskOf(bytes));
  return RESUME;
}

export function farCall(cpu: usize, uop: usize, selector: u32, offset: u64, bytes: u32): u32 {
  if (isProtected(cpu) && !(putCode(cpu, selector, cpl(cpu), false) && checkTarget(cpu, offset & maskOf(bytes))))
    return faultAt(cpu, uop);
  const code = loadedDescriptor;
  const old = gpr(cpu, RSP);
  if (!push(cpu, segSelector(cpu, SEG_CS), bytes)) return faultAt(cpu, uop);
  if (!push(cpu, nextRipOf(cpu, uop), bytes)) {
    setGpr(cpu, RSP, old);
    return faultAt(cpu, uop);
  }
  if (!isProtected(cpu)) return farJump(cpu, uop, selector, offset, bytes);
  loadSegmentCache(cpu, SEG_CS, (selector & 0xfffc) | cpl(cpu), code);
  updateMode(cpu);
  setRip(cpu, offset & maskOf(bytes));
  return RESUME;
}

export function farReturn(cpu: usize, uop: usize, extra: u32, bytes: u32): u32 {
  if (!peek(cpu, 0, bytes)) return faultAt(cpu, uop);
  const target = memoryValue;
  if (!peek(cpu, bytes, bytes)) return faultAt(cpu, uop);
  const selector = <u32>memoryValue & 0xffff;
  if (!isProtected(cpu)) {
    moveStack(cpu, 2 * bytes + extra);
    return farJump(cpu, uop, selector, target, bytes);
  }
  const level = selector & 3;
  if (level < cpl(cpu)) return raiseAt(cpu, uop, VECTOR_GP, selector & 0xfffc);
  if (level == cpl(cpu)) {
    if (!putCode(cpu, selector, level, true) || !checkTarget(cpu, target)) return faultAt(cpu, uop);
    moveStack(cpu, 2 * bytes + extra);
    enterCode(cpu, selector, level, target);
    return RESUME;
  }
  return returnOutward(cpu, uop, selector, target, 2 * bytes + extra, bytes, extra);
}

/** Return to an outer privilege: the outer stack is `stackAt` bytes up. */
function returnOutward(cpu: usize, uop: usize, selector: u32, target: u64, stackAt: u32, bytes: u32, extra: u32): u32 {
  if (!peek(cpu, stackAt, bytes)) return faultAt(cpu, uop);
  const sp = memoryValue;
  if (!peek(cpu, stackAt + bytes, bytes)) return faultAt(cpu, uop);
  const ss = <u32>memoryValue & 0xffff;
  const level = selector & 3;
  if (!putCode(cpu, selector, level, true) || !checkTarget(cpu, target)) return faultAt(cpu, uop);
  const code = loadedDescriptor;
  if (!checkOuterStack(cpu, ss, level, descriptorAttributes(code))) return faultAt(cpu, uop);
  const stack = loadedDescriptor;
  setPrivilege(cpu, level);
  loadSegmentCache(cpu, SEG_CS, selector, code);
  if ((ss & 0xfffc) == 0) nullSegment(cpu, SEG_SS, ss);
  else loadSegmentCache(cpu, SEG_SS, ss, stack);
  updateMode(cpu);
  setStackPointer(cpu, sp + extra);
  setRip(cpu, is64(cpu) ? target : target & 0xffff_ffff);
  dropInnerSegments(cpu);
  return RESUME;
}

/** SS of a return: null is allowed when returning to 64-bit code outside privilege 3. */
function checkOuterStack(cpu: usize, ss: u32, level: u32, codeAttributes: u32): bool {
  if ((ss & 0xfffc) == 0) {
    if ((codeAttributes & 0x2000) != 0 && isLongMode(cpu) && level != 3) return true;
    raise(cpu, VECTOR_GP, 0);
    return false;
  }
  if (!loadDescriptor(cpu, ss, VECTOR_GP)) return false;
  const attributes = descriptorAttributes(loadedDescriptor);
  if ((ss & 3) != level || (attributes & 0x1a) != 0x12 || ((attributes >> 5) & 3) != level) {
    raise(cpu, VECTOR_GP, ss & 0xfffc);
    return false;
  }
  if ((attributes & 0x80) == 0) {
    raise(cpu, VECTOR_SS, ss & 0xfffc);
    return false;
  }
  return markAccessed(cpu);
}

export function interruptReturn(cpu: usize, uop: usize, bytes: u32): u32 {
  if (!peek(cpu, 0, bytes)) return faultAt(cpu, uop);
  const target = memoryValue;
  if (!peek(cpu, bytes, bytes)) return faultAt(cpu, uop);
  const selector = <u32>memoryValue & 0xffff;
  if (!peek(cpu, 2 * bytes, bytes)) return faultAt(cpu, uop);
  const flags = <u32>memoryValue;
  // The whole frame is read before any of it is looked at.
  if (is64(cpu) && (!peek(cpu, 3 * bytes, bytes) || !peek(cpu, 4 * bytes, bytes))) return faultAt(cpu, uop);
  if (!isProtected(cpu)) {
    moveStack(cpu, 3 * bytes);
    returnFlags(cpu, flags, 0, bytes);
    store<u32>(cpu, 0, CPU_NMI_BLOCKED);
    return farJump(cpu, uop, selector, target, bytes);
  }
  if ((getFlags(cpu) & FLAG_NT) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  const level = selector & 3;
  const old = cpl(cpu);
  if (level < old) return raiseAt(cpu, uop, VECTOR_GP, selector & 0xfffc);
  // 64-bit IRET always pops the stack pointer, whatever the privilege.
  if (level > old || is64(cpu)) {
    const status = returnOutward(cpu, uop, selector, target, 3 * bytes, bytes, 0);
    if (status != RESUME) return status;
  } else {
    if (!putCode(cpu, selector, level, true) || !checkTarget(cpu, target)) return faultAt(cpu, uop);
    moveStack(cpu, 3 * bytes);
    enterCode(cpu, selector, level, target);
  }
  returnFlags(cpu, flags, old, bytes);
  store<u32>(cpu, 0, CPU_NMI_BLOCKED);
  return arrive(cpu);
}

/** Flags popped by IRET, as privilege `level` may change them. */
function returnFlags(cpu: usize, value: u32, level: u32, bytes: u32): void {
  const old = getFlags(cpu);
  let writable: u32 = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT;
  if (bytes != 2) writable |= FLAG_AC | FLAG_ID;
  // RF covers one instruction, and only breakpoints have a use for it.
  if (bytes != 2 && hasBreakpoints(cpu)) writable |= FLAG_RF;
  if (level == 0) writable |= FLAG_IOPL;
  if (level <= (old & FLAG_IOPL) >> 12) writable |= FLAG_IF;
  setFlags(cpu, (old & ~writable) | (value & writable));
  updateMode(cpu);
}

function setFlatCode(cpu: usize, selector: u32, level: u32, long: bool): void {
  setSegment(cpu, SEG_CS, selector, 0, 0xffff_ffff, (long ? 0xa09b : 0xc09b) | (level << 5));
}

function setFlatStack(cpu: usize, selector: u32, level: u32): void {
  setSegment(cpu, SEG_SS, selector, 0, 0xffff_ffff, 0xc093 | (level << 5));
}

export function syscall(cpu: usize, uop: usize, _bytes: u32): u32 {
  if ((efer(cpu) & EFER_SCE) == 0 || !isLongMode(cpu)) return raiseAt(cpu, uop, VECTOR_UD, 0);
  const star = load<u64>(cpu, CPU_MSR_STAR);
  const selector = <u32>(star >> 32) & 0xfffc;
  setGpr(cpu, RCX, nextRipOf(cpu, uop));
  setGpr(cpu, R11, getFlags(cpu) & ~FLAG_RF);
  setRip(cpu, is64(cpu) ? load<u64>(cpu, CPU_MSR_LSTAR) : load<u64>(cpu, CPU_MSR_CSTAR));
  setFlags(cpu, getFlags(cpu) & ~(<u32>load<u64>(cpu, CPU_MSR_FMASK) | FLAG_RF));
  setPrivilege(cpu, 0);
  setFlatCode(cpu, selector, 0, true);
  setFlatStack(cpu, selector + 8, 0);
  updateMode(cpu);
  retakeStepTrap(cpu);
  return arrive(cpu);
}

export function sysret(cpu: usize, uop: usize, bytes: u32): u32 {
  if ((efer(cpu) & EFER_SCE) == 0 || !isLongMode(cpu)) return raiseAt(cpu, uop, VECTOR_UD, 0);
  const target = gpr(cpu, RCX);
  const toLong = bytes == 8;
  if (cpl(cpu) != 0 || (toLong && !isCanonical(target))) return raiseAt(cpu, uop, VECTOR_GP, 0);
  const base = <u32>(load<u64>(cpu, CPU_MSR_STAR) >> 48) & 0xffff;
  setFlags(cpu, <u32>gpr(cpu, R11) & (FLAGS_ARITHMETIC | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_AC | FLAG_ID));
  setPrivilege(cpu, 3);
  setFlatCode(cpu, (toLong ? base + 16 : base) | 3, 3, toLong);
  setFlatStack(cpu, (base + 8) | 3, 3);
  updateMode(cpu);
  setRip(cpu, toLong ? target : target & 0xffff_ffff);
  return arrive(cpu);
}

export function sysenter(cpu: usize, uop: usize): u32 {
  const selector = <u32>load<u64>(cpu, CPU_MSR_SYSENTER_CS) & 0xfffc;
  if (!isProtected(cpu) || selector == 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  setFlags(cpu, getFlags(cpu) & ~(FLAG_IF | FLAG_VM | FLAG_RF));
  setPrivilege(cpu, 0);
  setFlatCode(cpu, selector, 0, isLongMode(cpu));
  setFlatStack(cpu, selector + 8, 0);
  const wide = isLongMode(cpu);
  setGpr(cpu, RSP, load<u64>(cpu, CPU_MSR_SYSENTER_ESP) & (wide ? ~(<u64>0) : 0xffff_ffff));
  updateMode(cpu);
  setRip(cpu, load<u64>(cpu, CPU_MSR_SYSENTER_EIP) & (wide ? ~(<u64>0) : 0xffff_ffff));
  return RESUME;
}

export function sysexit(cpu: usize, uop: usize, bytes: u32): u32 {
  const base = <u32>load<u64>(cpu, CPU_MSR_SYSENTER_CS) & 0xfffc;
  if (!isProtected(cpu) || cpl(cpu) != 0 || base == 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  const toLong = bytes == 8;
  const mask: u64 = toLong ? ~(<u64>0) : 0xffff_ffff;
  if (toLong && (!isCanonical(gpr(cpu, RDX)) || !isCanonical(gpr(cpu, RCX)))) return raiseAt(cpu, uop, VECTOR_GP, 0);
  setPrivilege(cpu, 3);
  setFlatCode(cpu, (base + (toLong ? 32 : 16)) | 3, 3, toLong);
  setFlatStack(cpu, (base + (toLong ? 40 : 24)) | 3, 3);
  setGpr(cpu, RSP, gpr(cpu, RCX) & mask);
  updateMode(cpu);
  setRip(cpu, gpr(cpu, RDX) & mask);
  return RESUME;
}
