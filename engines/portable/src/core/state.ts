// Access to a vCPU's state by field. `cpu` is always the address of the vCPU's area.

import {
  CPU_BUDGET, CPU_BUDGET_ASIDE, CPU_CODE_PAGE, CPU_CPL, CPU_CR0, CPU_CR4, CPU_EFER, CPU_ERROR_CODE, CPU_FLAGS_OTHER, CPU_GPR, CPU_INTERRUPT_REQUEST, CPU_INTERRUPT_SHADOW, CPU_MODE, CPU_NMI_REQUEST, CPU_RIP,
  CPU_SEG, CPU_SHADOW_RIP, CPU_UOP, CPU_VECTOR, EXIT_EXCEPTION, EXIT_RESUME, FLAG_IF, MODE_CODE64, MODE_CODE_MASK, MODE_SINGLE, SEG_CS, SEG_SIZE,
  ENGINE_VCPU_COUNT, UOP_LENGTH, UOP_OFFSET, VCPU_AREA_BASE, VCPU_AREA_SIZE,
} from "../layout";

/** What a function called by an instruction answers: go on, or one more than the exit code to leave with. */
export const NEXT: u32 = 0;
export const RESUME: u32 = EXIT_RESUME + 1;
export const FAULT: u32 = EXIT_EXCEPTION + 1;

export const CR0_PE: u64 = 1;
export const CR0_MP: u64 = 2;
export const CR0_EM: u64 = 4;
export const CR0_TS: u64 = 8;
export const CR0_ET: u64 = 16;
export const CR0_NE: u64 = 32;
export const CR0_WP: u64 = 1 << 16;
export const CR0_AM: u64 = 1 << 18;
export const CR0_PG: u64 = 0x8000_0000;
export const CR4_TSD: u64 = 1 << 2;
export const CR4_DE: u64 = 1 << 3;
export const CR4_PSE: u64 = 1 << 4;
export const CR4_PAE: u64 = 1 << 5;
export const CR4_PGE: u64 = 1 << 7;
export const CR4_OSFXSR: u64 = 1 << 9;
export const CR4_OSXMMEXCPT: u64 = 1 << 10;
export const CR4_UMIP: u64 = 1 << 11;
export const CR4_FSGSBASE: u64 = 1 << 16;
export const CR4_PCIDE: u64 = 1 << 17;
export const CR4_SMEP: u64 = 1 << 20;
export const CR4_SMAP: u64 = 1 << 21;
export const EFER_SCE: u64 = 1;
export const EFER_LME: u64 = 1 << 8;
export const EFER_LMA: u64 = 1 << 10;
export const EFER_NXE: u64 = 1 << 11;

export const VECTOR_DE: u32 = 0;
export const VECTOR_DB: u32 = 1;
export const VECTOR_NMI: u32 = 2;
export const VECTOR_UD: u32 = 6;
export const VECTOR_NM: u32 = 7;
export const VECTOR_DF: u32 = 8;
export const VECTOR_TS: u32 = 10;
export const VECTOR_NP: u32 = 11;
export const VECTOR_SS: u32 = 12;
export const VECTOR_GP: u32 = 13;
export const VECTOR_PF: u32 = 14;
export const VECTOR_MF: u32 = 16;
export const VECTOR_AC: u32 = 17;
export const VECTOR_XM: u32 = 19;

export const RAX: u32 = 0;
export const RCX: u32 = 1;
export const RDX: u32 = 2;
export const RBX: u32 = 3;
export const RSP: u32 = 4;
export const RBP: u32 = 5;
export const RSI: u32 = 6;
export const RDI: u32 = 7;
export const R11: u32 = 11;

// @ts-ignore: decorator
@inline
export function gpr(cpu: usize, n: u32): u64 {
  return load<u64>(cpu + (n << 3), CPU_GPR);
}

// @ts-ignore: decorator
@inline
export function setGpr(cpu: usize, n: u32, value: u64): void {
  store<u64>(cpu + (n << 3), value, CPU_GPR);
}

/** Writes a register as an instruction of `bytes` operand size would. `slot` is the register's byte offset. */
export function setSlot(cpu: usize, slot: u32, value: u64, bytes: u32): void {
  if (bytes == 8) store<u64>(cpu + slot, value);
  else if (bytes == 4) store<u64>(cpu + slot, value & 0xffff_ffff);
  else if (bytes == 2) store<u16>(cpu + slot, <u16>value);
  else store<u8>(cpu + slot, <u8>value);
}

/** Mask of the low `bytes` bytes. */
// @ts-ignore: decorator
@inline
export function maskOf(bytes: u32): u64 {
  return bytes >= 8 ? ~(<u64>0) : ((<u64>1) << (<u64>bytes << 3)) - 1;
}

// @ts-ignore: decorator
@inline
export function cpl(cpu: usize): u32 {
  return load<u32>(cpu, CPU_CPL);
}
// @ts-ignore: decorator
@inline
export function cr0(cpu: usize): u64 {
  return load<u64>(cpu, CPU_CR0);
}
// @ts-ignore: decorator
@inline
export function cr4(cpu: usize): u64 {
  return load<u64>(cpu, CPU_CR4);
}
// @ts-ignore: decorator
@inline
export function efer(cpu: usize): u64 {
  return load<u64>(cpu, CPU_EFER);
}
// @ts-ignore: decorator
@inline
export function flagsOther(cpu: usize): u32 {
  return load<u32>(cpu, CPU_FLAGS_OTHER);
}
// @ts-ignore: decorator
@inline
export function isLongMode(cpu: usize): bool {
  return (efer(cpu) & EFER_LMA) != 0;
}
/** In 64-bit mode proper: long mode with a 64-bit code segment. */
// @ts-ignore: decorator
@inline
export function is64(cpu: usize): bool {
  return (load<u32>(cpu, CPU_MODE) & MODE_CODE_MASK) == MODE_CODE64;
}
// @ts-ignore: decorator
@inline
export function isProtected(cpu: usize): bool {
  return (cr0(cpu) & CR0_PE) != 0;
}

// @ts-ignore: decorator
@inline
export function segBase(cpu: usize, n: u32): u64 {
  return load<u64>(cpu + n * SEG_SIZE, CPU_SEG);
}
// @ts-ignore: decorator
@inline
export function segLimit(cpu: usize, n: u32): u32 {
  return load<u32>(cpu + n * SEG_SIZE, CPU_SEG + 8);
}
// @ts-ignore: decorator
@inline
export function segSelector(cpu: usize, n: u32): u32 {
  return load<u16>(cpu + n * SEG_SIZE, CPU_SEG + 12);
}
// @ts-ignore: decorator
@inline
export function segAttributes(cpu: usize, n: u32): u32 {
  return load<u16>(cpu + n * SEG_SIZE, CPU_SEG + 14);
}

export function setSegment(cpu: usize, n: u32, selector: u32, base: u64, limit: u32, attributes: u32): void {
  const at = cpu + n * SEG_SIZE;
  store<u64>(at, base, CPU_SEG);
  store<u32>(at, limit, CPU_SEG + 8);
  store<u16>(at, <u16>selector, CPU_SEG + 12);
  store<u16>(at, <u16>attributes, CPU_SEG + 14);
}

// @ts-ignore: decorator
@inline
export function rip(cpu: usize): u64 {
  return load<u64>(cpu, CPU_RIP);
}

// @ts-ignore: decorator
@inline
export function setRip(cpu: usize, value: u64): void {
  store<u64>(cpu, value, CPU_RIP);
}

/** RIP of a linear code address: 32 bits outside 64-bit mode. */
export function ripOfLinear(cpu: usize, linear: u64): u64 {
  return is64(cpu) ? linear : (linear - segBase(cpu, SEG_CS)) & 0xffff_ffff;
}

export function linearOfRip(cpu: usize, ip: u64): u64 {
  return is64(cpu) ? ip : (ip + segBase(cpu, SEG_CS)) & 0xffff_ffff;
}

/** RIP of the instruction a micro-op stands for. */
export function ripOf(cpu: usize, uop: usize): u64 {
  return ripOfLinear(cpu, load<u64>(cpu, CPU_CODE_PAGE) + load<u16>(uop, UOP_OFFSET));
}

/** RIP of the instruction behind it. */
export function nextRipOf(cpu: usize, uop: usize): u64 {
  const offset = <u32>load<u16>(uop, UOP_OFFSET) + load<u8>(uop, UOP_LENGTH);
  return ripOfLinear(cpu, load<u64>(cpu, CPU_CODE_PAGE) + offset);
}

/**
 * What an instruction answers that changed mode, privilege or address space and set RIP, if its micro-op jumps there itself: NEXT,
 * or RESUME where the run loop has something to do first.
 */
export function arrive(cpu: usize): u32 {
  const mode = load<u32>(cpu, CPU_MODE);
  if ((mode & MODE_CODE_MASK) != MODE_CODE64 || (mode & MODE_SINGLE) != 0) return RESUME;
  return mayInterrupt(cpu) ? RESUME : NEXT;
}

/** Is something waiting that RFLAGS.IF and the like no longer hold off? */
export function mayInterrupt(cpu: usize): bool {
  if (load<u32>(cpu, CPU_NMI_REQUEST) != 0) return true;
  return load<u32>(cpu, CPU_INTERRUPT_REQUEST) != 0 && (flagsOther(cpu) & FLAG_IF) != 0;
}

/** Records an exception for the run loop to deliver. Answers FAULT so that callers can return it. */
export function raise(cpu: usize, vector: u32, errorCode: u32): u32 {
  store<u32>(cpu, vector, CPU_VECTOR);
  store<u32>(cpu, errorCode, CPU_ERROR_CODE);
  return FAULT;
}

/** As `raise` for a function called with the micro-op; the run loop needs to know where. */
export function raiseAt(cpu: usize, uop: usize, vector: u32, errorCode: u32): u32 {
  store<u32>(cpu, <u32>uop, CPU_UOP);
  return raise(cpu, vector, errorCode);
}

/** Makes the run loop look at interrupts, mode and kicks at the end of the running block; the slice goes on behind it. */
export function attend(cpu: usize): void {
  store<i32>(cpu, load<i32>(cpu, CPU_BUDGET_ASIDE) + load<i32>(cpu, CPU_BUDGET), CPU_BUDGET_ASIDE);
  store<i32>(cpu, 0, CPU_BUDGET);
}

/** Interrupts are to wait until the instruction at `nextRip` is done. `kind` is SHADOW_*. */
export function holdInterrupts(cpu: usize, nextRip: u64, kind: u32): void {
  store<u32>(cpu, kind, CPU_INTERRUPT_SHADOW);
  store<u64>(cpu, nextRip, CPU_SHADOW_RIP);
}

/** For a function called with the micro-op, when something below it has recorded the exception already. */
export function faultAt(cpu: usize, uop: usize): u32 {
  store<u32>(cpu, <u32>uop, CPU_UOP);
  return FAULT;
}

/** Behind the last vCPU's area in use: all vCPUs share the blocks, each has translations and a jump cache of its own. */
export function endOfAreas(): usize {
  return <usize>VCPU_AREA_BASE + <usize>load<u32>(ENGINE_VCPU_COUNT) * VCPU_AREA_SIZE;
}

export function isCanonical(address: u64): bool {
  return <u64>((<i64>address << 16) >> 16) == address;
}
