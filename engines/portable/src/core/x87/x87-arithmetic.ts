// x87 arithmetic on the register stack: FADD to FDIVR with register and memory operands, the operations on ST(0) alone, and
// FSCALE, FPREM, FPREM1, FXTRACT. SDM volume 2. The numbers themselves are float/index.ts.

import {
  f80_add, f80_div, f80_extract, f80_from_f32_operand, f80_from_f64_operand, f80_from_i64, f80_mul, f80_remainder,
  f80_remainder_nearest, f80_round_to_integer, f80_scale, f80_sqrt, f80_sub,
} from "../float/index";
import { NEXT } from "../state";
import { compareWith } from "./x87-compare";
import {
  begin, copy80, fcw, fsw, FSW_C0, FSW_C1, FSW_C2, FSW_C3, isEmpty, overflow, pop, push, putIndefinite, report, scratch,
  setFsw, stackRegister, underflow,
} from "./x87-state";

/** Numbers of the operations as ModRM.reg has them; 2 and 3 are the comparisons. */
const OP_ADD: u32 = 0;
const OP_MUL: u32 = 1;
const OP_COM: u32 = 2;
const OP_COMP: u32 = 3;
const OP_SUB: u32 = 4;
const OP_SUBR: u32 = 5;
const OP_DIV: u32 = 6;

/** target = a op b, reversed for the odd ones. */
function operate(op: u32, target: usize, a: usize, b: usize, control: u32): u32 {
  if (op == OP_ADD) return f80_add(target, a, b, control);
  if (op == OP_MUL) return f80_mul(target, a, b, control);
  if (op == OP_SUB) return f80_sub(target, a, b, control);
  if (op == OP_SUBR) return f80_sub(target, b, a, control);
  return op == OP_DIV ? f80_div(target, a, b, control) : f80_div(target, b, a, control);
}

/** ST(0) or ST(i) = ST(0) op ST(i); the reversed operations have their operands the other way round. */
export function fpuArithmetic(cpu: usize, uop: usize, op: u32, i: u32, toOther: u32, popAfter: u32): u32 {
  begin(cpu, uop, FSW_C1);
  const target = toOther != 0 ? i : 0;
  if (isEmpty(cpu, 0) || isEmpty(cpu, i)) {
    if (!underflow(cpu)) return NEXT;
    putIndefinite(cpu, target);
  } else {
    const flags = operate(op, stackRegister(cpu, target), stackRegister(cpu, 0), stackRegister(cpu, i), fcw(cpu));
    if (!report(cpu, flags)) return NEXT;
  }
  if (popAfter != 0) pop(cpu);
  return NEXT;
}

/** ST(0) = ST(0) op the operand that is in the first temporary; `widened` as f80_from_f32_operand answers. */
function withTemporary(cpu: usize, uop: usize, op: u32, widened: u32): u32 {
  if (op == OP_COM || op == OP_COMP) return compareWith(cpu, uop, widened, op - OP_COM);
  begin(cpu, uop, FSW_C1);
  if (isEmpty(cpu, 0)) {
    if (underflow(cpu)) putIndefinite(cpu, 0);
    return NEXT;
  }
  const top = stackRegister(cpu, 0);
  report(cpu, operate(op, top, top, scratch(cpu, 0), fcw(cpu) | widened));
  return NEXT;
}

export function fpuArithmeticF32(cpu: usize, uop: usize, op: u32, bits: u32): u32 {
  return withTemporary(cpu, uop, op, f80_from_f32_operand(scratch(cpu, 0), bits));
}

export function fpuArithmeticF64(cpu: usize, uop: usize, op: u32, bits: u64): u32 {
  return withTemporary(cpu, uop, op, f80_from_f64_operand(scratch(cpu, 0), bits));
}

/** FIADD and its like: the operand sign-extended. */
export function fpuArithmeticInteger(cpu: usize, uop: usize, op: u32, value: i64): u32 {
  f80_from_i64(scratch(cpu, 0), value);
  return withTemporary(cpu, uop, op, 0);
}

/** Checks ST(0) for an operation on it alone; an empty register has been dealt with. */
function hasTop(cpu: usize): bool {
  if (!isEmpty(cpu, 0)) return true;
  if (underflow(cpu)) putIndefinite(cpu, 0);
  return false;
}

/** The same for an operation on ST(0) and ST(1) with its result in ST(0). */
function hasPair(cpu: usize): bool {
  if (!isEmpty(cpu, 0) && !isEmpty(cpu, 1)) return true;
  if (underflow(cpu)) putIndefinite(cpu, 0);
  return false;
}

/** FCHS and FABS: bits of the sign to flip and to keep. */
export function fpuSign(cpu: usize, uop: usize, flip: u32, keep: u32): u32 {
  begin(cpu, uop, FSW_C1);
  if (!hasTop(cpu)) return NEXT;
  const top = stackRegister(cpu, 0);
  store<u16>(top, <u16>((<u32>load<u16>(top, 8) & keep) ^ flip), 8);
  return NEXT;
}

export function fpuSquareRoot(cpu: usize, uop: usize): u32 {
  begin(cpu, uop, FSW_C1);
  if (!hasTop(cpu)) return NEXT;
  const top = stackRegister(cpu, 0);
  report(cpu, f80_sqrt(top, top, fcw(cpu)));
  return NEXT;
}

export function fpuRoundToInteger(cpu: usize, uop: usize): u32 {
  begin(cpu, uop, FSW_C1);
  if (!hasTop(cpu)) return NEXT;
  const top = stackRegister(cpu, 0);
  report(cpu, f80_round_to_integer(top, top, fcw(cpu)));
  return NEXT;
}

export function fpuScale(cpu: usize, uop: usize): u32 {
  begin(cpu, uop, FSW_C1);
  if (!hasPair(cpu)) return NEXT;
  const top = stackRegister(cpu, 0);
  report(cpu, f80_scale(top, top, stackRegister(cpu, 1), fcw(cpu)));
  return NEXT;
}

/** FPREM, or FPREM1 with `nearest`. C0 and C3 stay as they were when there is no quotient to report. */
export function fpuRemainder(cpu: usize, uop: usize, nearest: u32): u32 {
  begin(cpu, uop, FSW_C1 | FSW_C2);
  if (!hasPair(cpu)) return NEXT;
  const top = stackRegister(cpu, 0);
  const divisor = stackRegister(cpu, 1);
  const flags = nearest != 0 ? f80_remainder_nearest(top, top, divisor, fcw(cpu)) : f80_remainder(top, top, divisor, fcw(cpu));
  if (!report(cpu, flags)) return NEXT;
  const isNan = (<u32>load<u16>(top, 8) & 0x7fff) == 0x7fff;
  if (!isNan) setFsw(cpu, (fsw(cpu) & ~(FSW_C0 | FSW_C3)) | (flags & (FSW_C0 | FSW_C3)));
  return NEXT;
}

/** FXTRACT: ST(0) becomes the exponent and the significand is pushed. */
export function fpuExtract(cpu: usize, uop: usize): u32 {
  begin(cpu, uop, FSW_C1);
  if (isEmpty(cpu, 0) ? !underflow(cpu) : !isEmpty(cpu, 7) && !overflow(cpu)) return NEXT;
  if (isEmpty(cpu, 0) || !isEmpty(cpu, 7)) {
    putIndefinite(cpu, 0);
    push(cpu);
    putIndefinite(cpu, 0);
    return NEXT;
  }
  if (!report(cpu, f80_extract(scratch(cpu, 0), scratch(cpu, 1), stackRegister(cpu, 0), fcw(cpu)))) return NEXT;
  copy80(stackRegister(cpu, 0), scratch(cpu, 0));
  push(cpu);
  copy80(stackRegister(cpu, 0), scratch(cpu, 1));
  return NEXT;
}
