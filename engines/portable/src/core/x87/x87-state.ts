// The x87 register stack, its tags and its status word. SDM volume 1, §8.1 and §8.5.
//
// Registers are kept by their physical number, R0 to R7; ST(i) is R[TOP + i]. A tag is one bit, set while the register is in
// use: the other tags follow from the contents. The selectors of the last instruction and operand are not kept (CPUID says
// so), and neither is the last opcode.

import { CPU_FCW, CPU_FIP, CPU_FLOAT_SCRATCH, CPU_FPR, CPU_FSW, CPU_FTW } from "../../layout";
import { ripOf } from "../state";

export const FSW_IE: u32 = 1;
export const FSW_DE: u32 = 2;
export const FSW_OE: u32 = 8;
export const FSW_UE: u32 = 16;
export const FSW_SF: u32 = 0x40;
export const FSW_ES: u32 = 0x80;
export const FSW_C0: u32 = 0x100;
export const FSW_C1: u32 = 0x200;
export const FSW_C2: u32 = 0x400;
export const FSW_C3: u32 = 0x4000;
export const FSW_B: u32 = 0x8000;
export const FSW_TOP: u32 = 0x3800;
export const FSW_CONDITIONS: u32 = 0x4700;
export const EXCEPTIONS: u32 = 0x3f;
/** Exceptions found before computing: unmasked, they leave the operands as they were. */
const BEFORE_COMPUTING: u32 = 7;

/** Bits of the control word that can be written; bit 6 reads as one. */
const FCW_WRITABLE: u32 = 0x1f3f;
const FCW_FIXED: u32 = 0x40;

const INDEFINITE_SIGN_EXPONENT: u32 = 0xffff;
const INDEFINITE_SIGNIFICAND: u64 = 0xc000_0000_0000_0000;

// @ts-ignore: decorator
@inline
export function fcw(cpu: usize): u32 {
  return load<u16>(cpu, CPU_FCW);
}
// @ts-ignore: decorator
@inline
export function fsw(cpu: usize): u32 {
  return load<u16>(cpu, CPU_FSW);
}
// @ts-ignore: decorator
@inline
export function setFsw(cpu: usize, value: u32): void {
  store<u16>(cpu, <u16>value, CPU_FSW);
}

/** Number of the physical register that ST(i) is. */
// @ts-ignore: decorator
@inline
export function physical(cpu: usize, i: u32): u32 {
  return ((fsw(cpu) >> 11) + i) & 7;
}
/** Address of ST(i). */
// @ts-ignore: decorator
@inline
export function stackRegister(cpu: usize, i: u32): usize {
  return cpu + CPU_FPR + (physical(cpu, i) << 4);
}
// @ts-ignore: decorator
@inline
export function isEmpty(cpu: usize, i: u32): bool {
  return ((<u32>load<u8>(cpu, CPU_FTW) >> physical(cpu, i)) & 1) == 0;
}
// @ts-ignore: decorator
@inline
export function markInUse(cpu: usize, i: u32): void {
  store<u8>(cpu, <u8>(<u32>load<u8>(cpu, CPU_FTW) | (1 << physical(cpu, i))), CPU_FTW);
}
// @ts-ignore: decorator
@inline
export function markEmpty(cpu: usize, i: u32): void {
  store<u8>(cpu, <u8>(<u32>load<u8>(cpu, CPU_FTW) & ~(1 << physical(cpu, i))), CPU_FTW);
}

/** Moves TOP by `delta` and leaves the tags alone. */
export function rotate(cpu: usize, delta: u32): void {
  const word = fsw(cpu);
  setFsw(cpu, (word & ~FSW_TOP) | ((word + (delta << 11)) & FSW_TOP));
}

/** Makes room on the stack: the new ST(0) is in use and holds what was in the register. */
export function push(cpu: usize): void {
  rotate(cpu, 7);
  markInUse(cpu, 0);
}

export function pop(cpu: usize): void {
  markEmpty(cpu, 0);
  rotate(cpu, 1);
}

/** Address of the n-th 16-byte temporary. */
// @ts-ignore: decorator
@inline
export function scratch(cpu: usize, n: u32): usize {
  return cpu + CPU_FLOAT_SCRATCH + (n << 4);
}

// @ts-ignore: decorator
@inline
export function copy80(target: usize, source: usize): void {
  store<u64>(target, load<u64>(source));
  store<u16>(target, load<u16>(source, 8), 8);
}

/** The default NaN, the response to masked invalid operations. */
export function storeIndefinite80(target: usize): void {
  store<u64>(target, INDEFINITE_SIGNIFICAND);
  store<u16>(target, <u16>INDEFINITE_SIGN_EXPONENT, 8);
}

export function putIndefinite(cpu: usize, i: u32): void {
  storeIndefinite80(stackRegister(cpu, i));
  markInUse(cpu, i);
}

/** Starts an instruction other than control: notes where it is and clears condition codes. */
// @ts-ignore: decorator
@inline
export function begin(cpu: usize, uop: usize, cleared: u32): void {
  store<u64>(cpu, ripOf(cpu, uop), CPU_FIP);
  setFsw(cpu, fsw(cpu) & ~cleared);
}

/** Enters what an operation reported (see float/index.ts). Answers whether a register result is to be kept. */
export function report(cpu: usize, flags: u32): bool {
  const unmasked = flags & ~fcw(cpu) & EXCEPTIONS;
  setFsw(cpu, fsw(cpu) | flags | (unmasked != 0 ? FSW_ES | FSW_B : 0));
  return (unmasked & BEFORE_COMPUTING) == 0;
}

/** Stack underflow, C1 clear. Answers whether the masked response is to be given. */
export function underflow(cpu: usize): bool {
  setFsw(cpu, fsw(cpu) & ~FSW_C1);
  return report(cpu, FSW_IE | FSW_SF);
}

/** Stack overflow, C1 set. Answers whether the masked response is to be given. */
export function overflow(cpu: usize): bool {
  return report(cpu, FSW_IE | FSW_SF | FSW_C1);
}

/** Is there room for a push? If not, the stack overflow has been dealt with and nothing is left to do. */
export function canPush(cpu: usize): bool {
  if (isEmpty(cpu, 7)) return true;
  if (overflow(cpu)) pushIndefinite(cpu);
  return false;
}

export function pushIndefinite(cpu: usize): void {
  push(cpu);
  storeIndefinite80(stackRegister(cpu, 0));
}

/** Sets control and status words; the summary bits of the latter follow from both. */
export function setControlAndStatus(cpu: usize, control: u32, status: u32): void {
  const masks = (control & FCW_WRITABLE) | FCW_FIXED;
  const summary = (status & ~masks & EXCEPTIONS) != 0 ? FSW_ES | FSW_B : 0;
  store<u16>(cpu, <u16>masks, CPU_FCW);
  setFsw(cpu, (status & ~(FSW_ES | FSW_B)) | summary);
}
