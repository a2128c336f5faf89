// x87 loads, stores, exchange, conditional moves and stack housekeeping. SDM volume 2.
//
// Stores check memory first, then convert straight into it: the soft floats store nothing when an unmasked exception forbids it.

import { CPU_BOUNCE } from "../../layout";
import {
  f80_from_decimal, f80_from_f32, f80_from_f64, f80_from_i64, f80_load_ln_2, f80_load_log10_2, f80_load_log2_10,
  f80_load_log2_e, f80_load_one, f80_load_pi, f80_load_zero, f80_to_decimal, f80_to_f32, f80_to_f64, f80_to_i16,
  f80_to_i16_truncate, f80_to_i32, f80_to_i32_truncate, f80_to_i64, f80_to_i64_truncate,
} from "../float/index";
import { commitBounce, hostForWrite } from "../mmu/access";
import { FAULT, NEXT } from "../state";
import {
  begin, canPush, copy80, fcw, FSW_C1, FSW_IE, FSW_OE, FSW_UE, isEmpty, markEmpty, markInUse, pop, push, pushIndefinite,
  putIndefinite, report, rotate, scratch, stackRegister, storeIndefinite80, underflow,
} from "./x87-state";

/** Formats of a store, numbered as isa/x87.ts passes them. */
const F32: u32 = 0;
const F64: u32 = 1;
const F80: u32 = 2;
const I16: u32 = 3;
const I32: u32 = 4;
const I64: u32 = 5;
const I16_TRUNCATED: u32 = 6;
const I32_TRUNCATED: u32 = 7;
const I64_TRUNCATED: u32 = 8;

/** Pushes what is in the first temporary. Only an unmasked invalid operation keeps a load from happening. */
function pushTemporary(cpu: usize, flags: u32): u32 {
  report(cpu, flags);
  if ((flags & ~fcw(cpu) & FSW_IE) != 0) return NEXT;
  push(cpu);
  copy80(stackRegister(cpu, 0), scratch(cpu, 0));
  return NEXT;
}

export function fpuLoadF32(cpu: usize, uop: usize, bits: u32): u32 {
  begin(cpu, uop, FSW_C1);
  return canPush(cpu) ? pushTemporary(cpu, f80_from_f32(scratch(cpu, 0), bits)) : NEXT;
}

export function fpuLoadF64(cpu: usize, uop: usize, bits: u64): u32 {
  begin(cpu, uop, FSW_C1);
  return canPush(cpu) ? pushTemporary(cpu, f80_from_f64(scratch(cpu, 0), bits)) : NEXT;
}

export function fpuLoadF80(cpu: usize, uop: usize, significand: u64, signExponent: u32): u32 {
  begin(cpu, uop, FSW_C1);
  if (!canPush(cpu)) return NEXT;
  push(cpu);
  const top = stackRegister(cpu, 0);
  store<u64>(top, significand);
  store<u16>(top, <u16>signExponent, 8);
  return NEXT;
}

/** FILD: the operand sign-extended. */
export function fpuLoadInteger(cpu: usize, uop: usize, value: i64): u32 {
  begin(cpu, uop, FSW_C1);
  if (!canPush(cpu)) return NEXT;
  push(cpu);
  f80_from_i64(stackRegister(cpu, 0), value);
  return NEXT;
}

/** FBLD. */
export function fpuLoadDecimal(cpu: usize, uop: usize, low: u64, high: u32): u32 {
  begin(cpu, uop, FSW_C1);
  if (!canPush(cpu)) return NEXT;
  const source = scratch(cpu, 0);
  store<u64>(source, low);
  store<u16>(source, <u16>high, 8);
  push(cpu);
  f80_from_decimal(stackRegister(cpu, 0), source);
  return NEXT;
}

/** FLD1 to FLDZ, numbered as in the low three bits of the opcode. */
export function fpuLoadConstant(cpu: usize, uop: usize, n: u32): u32 {
  begin(cpu, uop, FSW_C1);
  if (!canPush(cpu)) return NEXT;
  push(cpu);
  const top = stackRegister(cpu, 0);
  const control = fcw(cpu);
  if (n == 0) f80_load_one(top);
  else if (n == 1) f80_load_log2_10(top, control);
  else if (n == 2) f80_load_log2_e(top, control);
  else if (n == 3) f80_load_pi(top, control);
  else if (n == 4) f80_load_log10_2(top, control);
  else if (n == 5) f80_load_ln_2(top, control);
  else f80_load_zero(top);
  return NEXT;
}

/** FLD ST(i). */
export function fpuLoadRegister(cpu: usize, uop: usize, i: u32): u32 {
  begin(cpu, uop, FSW_C1);
  if (isEmpty(cpu, i)) {
    if (underflow(cpu)) pushIndefinite(cpu);
    return NEXT;
  }
  if (!canPush(cpu)) return NEXT;
  const source = stackRegister(cpu, i);
  push(cpu);
  copy80(stackRegister(cpu, 0), source);
  return NEXT;
}

function bytesOf(format: u32): u32 {
  if (format == F64 || format == I64 || format == I64_TRUNCATED) return 8;
  if (format == F32 || format == I32 || format == I32_TRUNCATED) return 4;
  return format == I16 || format == I16_TRUNCATED ? 2 : 10;
}

/** Stores the number at `source` in a format; the answer is for the status word. */
function convert(format: u32, target: usize, source: usize, control: u32): u32 {
  switch (format) {
    case F32: return f80_to_f32(target, source, control);
    case F64: return f80_to_f64(target, source, control);
    case F80:
      copy80(target, source);
      return 0;
    case I16: return f80_to_i16(target, source, control);
    case I32: return f80_to_i32(target, source, control);
    case I64: return f80_to_i64(target, source, control);
    case I16_TRUNCATED: return f80_to_i16_truncate(target, source, control);
    case I32_TRUNCATED: return f80_to_i32_truncate(target, source, control);
    case I64_TRUNCATED: return f80_to_i64_truncate(target, source, control);
    default: return f80_to_decimal(target, source, control);
  }
}

/** Stores a format's indefinite value. */
function storeIndefinite(format: u32, target: usize): void {
  if (format == F32) store<u32>(target, 0xffc0_0000);
  else if (format == F64) store<u64>(target, 0xfff8_0000_0000_0000);
  else if (format <= F80) storeIndefinite80(target);
  else if (format == I64 || format == I64_TRUNCATED) store<u64>(target, 0x8000_0000_0000_0000);
  else if (format == I32 || format == I32_TRUNCATED) store<u32>(target, 0x8000_0000);
  else if (format == I16 || format == I16_TRUNCATED) store<u16>(target, 0x8000);
  else storeIndefinite80(target);
}

/** FST, FIST, FISTTP and FBSTP: ST(0) to memory at the linear address. */
export function fpuStore(cpu: usize, uop: usize, address: u64, format: u32, popAfter: u32): u32 {
  const host = hostForWrite(cpu, address, bytesOf(format));
  if (host == 0) return FAULT;
  begin(cpu, uop, FSW_C1);
  if (isEmpty(cpu, 0)) {
    if (!underflow(cpu)) return NEXT;
    storeIndefinite(format, host);
  } else {
    const control = fcw(cpu);
    const flags = convert(format, host, stackRegister(cpu, 0), control);
    if (!report(cpu, flags) || (flags & ~control & (FSW_OE | FSW_UE)) != 0) return NEXT;
  }
  if (host == <u32>cpu + CPU_BOUNCE) commitBounce(cpu);
  if (popAfter != 0) pop(cpu);
  return NEXT;
}

/** FST and FSTP to ST(i). */
export function fpuStoreRegister(cpu: usize, uop: usize, i: u32, popAfter: u32): u32 {
  begin(cpu, uop, FSW_C1);
  if (isEmpty(cpu, 0)) {
    if (!underflow(cpu)) return NEXT;
    putIndefinite(cpu, i);
  } else {
    copy80(stackRegister(cpu, i), stackRegister(cpu, 0));
    markInUse(cpu, i);
  }
  if (popAfter != 0) pop(cpu);
  return NEXT;
}

/** The undocumented FSTP of d9 d8: an empty ST(0) is dropped without a stack fault. */
export function fpuStoreRegisterUnchecked(cpu: usize, uop: usize, i: u32): u32 {
  if (!isEmpty(cpu, 0)) return fpuStoreRegister(cpu, uop, i, 1);
  begin(cpu, uop, FSW_C1);
  pop(cpu);
  return NEXT;
}

/** FXCH: empty registers become default NaNs first. */
export function fpuExchange(cpu: usize, uop: usize, i: u32): u32 {
  begin(cpu, uop, FSW_C1);
  if (isEmpty(cpu, 0) || isEmpty(cpu, i)) {
    if (!underflow(cpu)) return NEXT;
    if (isEmpty(cpu, 0)) putIndefinite(cpu, 0);
    if (isEmpty(cpu, i)) putIndefinite(cpu, i);
  }
  const a = stackRegister(cpu, 0);
  const b = stackRegister(cpu, i);
  copy80(scratch(cpu, 0), a);
  copy80(a, b);
  copy80(b, scratch(cpu, 0));
  return NEXT;
}

/** FCMOVcc: both registers must be in use even when the condition does not hold. */
export function fpuMoveIf(cpu: usize, uop: usize, i: u32, condition: u32): u32 {
  begin(cpu, uop, 0);
  if (isEmpty(cpu, 0) || isEmpty(cpu, i)) {
    if (underflow(cpu)) putIndefinite(cpu, 0);
  } else if (condition != 0) copy80(stackRegister(cpu, 0), stackRegister(cpu, i));
  return NEXT;
}

/** FFREE, and FFREEP with `popAfter`. */
export function fpuFree(cpu: usize, uop: usize, i: u32, popAfter: u32): u32 {
  begin(cpu, uop, FSW_C1);
  markEmpty(cpu, i);
  if (popAfter != 0) pop(cpu);
  return NEXT;
}

/** FINCSTP (1) and FDECSTP (7): TOP alone. */
export function fpuRotate(cpu: usize, uop: usize, delta: u32): u32 {
  begin(cpu, uop, FSW_C1);
  rotate(cpu, delta);
  return NEXT;
}

/** FNOP: only its address is noted. */
export function fpuNoOperation(cpu: usize, uop: usize): u32 {
  begin(cpu, uop, 0);
  return NEXT;
}
