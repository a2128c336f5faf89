// What the floating-point families share: the two formats and the fast path of MXCSR.
//
// With rounding to nearest, no flushing of denormals and every exception masked (what programs run with) the lane
// instructions of WebAssembly do the work. A result that is infinite, a NaN or the indefinite integer, and any other MXCSR,
// take the core's soft floats, which are exact in every respect. So of MXCSR's sticky flags IE, ZE and OE are kept always,
// but DE, UE and PE only where the soft floats ran: a difference from hardware. WebAssembly's NaNs are never seen.

import { type Expr, f32, f64, i32, i64, type ValueType } from "../../encoder/expressions.ts";
import { CPU_FLOAT_SCRATCH, CPU_MXCSR } from "../../layout.ts";
import { SSE_RESULT } from "../../layout-sse.ts";
import type { Lowering } from "../lowering.ts";
import { bits, constant, f32x4, f64x2, i32x4, i64x2 } from "./lanes.ts";
import { vectorField } from "./operands.ts";

/** Rounding control, exception masks, flush-to-zero, denormals-are-zero; without the sticky flags. */
const CONTROL_BITS = 0xffc0;
const USUAL_CONTROL = 0x1f80;

/** One of the two element formats with its instructions. */
export interface Format {
  readonly bits: 32 | 64;
  readonly type: ValueType;
  readonly scalar: typeof f32 | typeof f64;
  readonly vector: typeof f32x4 | typeof f64x2;
  /** Positive infinity, alone and in every lane. */
  readonly infinity: Expr;
  readonly infinities: Expr;
}

export const SINGLE: Format = {
  bits: 32,
  type: "f32",
  scalar: f32,
  vector: f32x4,
  infinity: f32.const(0x7f80_0000),
  infinities: constant(32, new Array<number>(4).fill(0x7f80_0000)),
};

export const DOUBLE: Format = {
  bits: 64,
  type: "f64",
  scalar: f64,
  vector: f64x2,
  infinity: f64.reinterpret(i64.const(0x7ff0_0000_0000_0000n)),
  infinities: constant(64, new Array<bigint>(2).fill(0x7ff0_0000_0000_0000n)),
};

/** What the fast path computed, and whether it has to be done by the core after all (an i32). */
export interface FastResult {
  readonly value: Expr;
  readonly exceptional?: Expr;
}

/**
 * `fast` where MXCSR is as usual and nothing exceptional came out, else operation `code` of the core on two vectors (see
 * layout-sse.ts). Both give a value of `initial`'s type; `take` picks the core's out of its result vector.
 */
export function withControl(
  m: Lowering,
  code: Expr,
  operands: () => readonly [Expr, Expr],
  fast: () => FastResult,
  take: (result: Expr) => Expr = (result) => result,
  initial: Expr = constant(64, [0, 0]),
): Expr {
  const control = i32.and(i32.load(m.cpu(), CPU_MXCSR), i32.const(CONTROL_BITS));
  const unusual = i32.ne(control, i32.const(USUAL_CONTROL));
  if (m.mayDefer) return deferUnusual(m, unusual, fast);
  const result = m.variable(initial.type, initial);
  const general = m.variable("i32", unusual);
  m.if(i32.eqz(general), () => {
    const { value, exceptional } = fast();
    m.assign(result, value);
    if (exceptional) m.assign(general, exceptional);
  });
  m.if(general, () => {
    const [a, b] = operands();
    const lowHigh = (v: Expr): Expr[] => [i64x2.extract(v, 0), i64x2.extract(v, 1)];
    m.system("sseFloat", code, ...lowHigh(a), ...lowHigh(b));
    m.assign(result, take(vectorField(m, CPU_FLOAT_SCRATCH + SSE_RESULT)));
  });
  return result;
}

/** The fast path alone, with the interpreter for all else. */
function deferUnusual(m: Lowering, unusual: Expr, fast: () => FastResult): Expr {
  m.deferIf(unusual, "unusual MXCSR");
  const { value, exceptional } = fast();
  const result = m.let(value);
  if (exceptional) m.deferIf(exceptional);
  return result;
}

/** Lanes of a result that is exceptional when one of them is infinite or a NaN. */
export function finiteLanes(m: Lowering, format: Format, lanes: Expr): FastResult {
  const value = m.let(lanes);
  const { vector, infinities } = format;
  return { value, exceptional: bits.any(bits.not(vector.lt(vector.abs(value), infinities))) };
}

/** The same for one element, which goes to lane 0 of `a`. */
export function finiteElement(m: Lowering, format: Format, element: Expr, a: Expr): FastResult {
  const value = m.let(element);
  const { scalar, vector, infinity } = format;
  return { value: vector.replace(a, 0, value), exceptional: i32.eqz(scalar.lt(scalar.abs(value), infinity)) };
}

/** i32: is a lane of a or b a NaN? */
export function anyNan(format: Format, a: Expr, b: Expr): Expr {
  return bits.any(bits.or(format.vector.ne(a, a), format.vector.ne(b, b)));
}

/** i32: is one of two single values a NaN? */
export function eitherNan(format: Format, a: Expr, b: Expr): Expr {
  return i32.or(format.scalar.ne(a, a), format.scalar.ne(b, b));
}

/** A scalar source: its value, and a vector with it in lane 0 for the core. */
export interface ScalarSource {
  readonly value: Expr;
  readonly vector: () => Expr;
}

export function readScalar(m: Lowering, operand: number, format: Format): ScalarSource {
  if (m.isMemory(operand)) {
    const value = m.read(operand, format.bits);
    const splat = format.bits === 32 ? i32x4.splat : i64x2.splat;
    return { value: m.let(format.scalar.reinterpret(value)), vector: () => splat(value) };
  }
  const vector = m.read(operand, 128);
  return { value: m.let(format.vector.extract(vector, 0)), vector: () => vector };
}
