// The eight transcendental x87 instructions. SDM volume 1, §8.3.7 and §8.3.8. An argument out of range of the trigonometric
// ones is left alone and C2 says so.

import {
  f80_arctangent, f80_cosine, f80_logarithm, f80_logarithm_plus_one, f80_power, f80_sine, f80_sine_cosine, f80_tangent,
} from "../float/index";
import { NEXT } from "../state";
import {
  begin, copy80, fcw, FSW_C1, FSW_C2, isEmpty, overflow, pop, push, putIndefinite, report, scratch, stackRegister, underflow,
} from "./x87-state";

const OP_COSINE: u32 = 1;
const OP_POWER: u32 = 2;

/** FSIN (0), FCOS (1), F2XM1 (2). */
export function fpuFunction(cpu: usize, uop: usize, op: u32): u32 {
  begin(cpu, uop, op == OP_POWER ? FSW_C1 : FSW_C1 | FSW_C2);
  if (isEmpty(cpu, 0)) {
    if (underflow(cpu)) putIndefinite(cpu, 0);
    return NEXT;
  }
  const top = stackRegister(cpu, 0);
  const control = fcw(cpu);
  if (op == OP_POWER) report(cpu, f80_power(top, top, control));
  else report(cpu, op == OP_COSINE ? f80_cosine(top, top, control) : f80_sine(top, top, control));
  return NEXT;
}

/** FPATAN (0), FYL2X (1), FYL2XP1 (2): ST(1) = the function of ST(1) and ST(0), then a pop. */
export function fpuFunctionOfTwo(cpu: usize, uop: usize, op: u32): u32 {
  begin(cpu, uop, FSW_C1);
  if (isEmpty(cpu, 0) || isEmpty(cpu, 1)) {
    if (!underflow(cpu)) return NEXT;
    putIndefinite(cpu, 1);
  } else {
    const x = stackRegister(cpu, 0);
    const y = stackRegister(cpu, 1);
    let flags: u32;
    if (op == 0) flags = f80_arctangent(y, y, x, fcw(cpu));
    else flags = op == 1 ? f80_logarithm(y, y, x, fcw(cpu)) : f80_logarithm_plus_one(y, y, x, fcw(cpu));
    if (!report(cpu, flags)) return NEXT;
  }
  pop(cpu);
  return NEXT;
}

/** FSINCOS and, with `tangent`, FPTAN: one result replaces ST(0), the other is pushed. */
export function fpuFunctionPair(cpu: usize, uop: usize, tangent: u32): u32 {
  begin(cpu, uop, FSW_C1 | FSW_C2);
  if (isEmpty(cpu, 0) ? !underflow(cpu) : !isEmpty(cpu, 7) && !overflow(cpu)) return NEXT;
  if (isEmpty(cpu, 0) || !isEmpty(cpu, 7)) {
    putIndefinite(cpu, 0);
    push(cpu);
    putIndefinite(cpu, 0);
    return NEXT;
  }
  const first = scratch(cpu, 0);
  const second = scratch(cpu, 1);
  const source = stackRegister(cpu, 0);
  const flags = tangent != 0 ? f80_tangent(first, second, source, fcw(cpu)) : f80_sine_cosine(first, second, source, fcw(cpu));
  if (!report(cpu, flags) || (flags & FSW_C2) != 0) return NEXT;
  copy80(source, first);
  push(cpu);
  copy80(stackRegister(cpu, 0), second);
  return NEXT;
}
