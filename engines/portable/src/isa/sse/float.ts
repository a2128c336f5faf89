// What the floating-point families share: the two formats, MXCSR's fast and general path, NaN results.
//
// With rounding to nearest, no flushing of denormals and every exception masked (what programs run with) the lane
// instructions of WebAssembly do the work, and MXCSR's sticky flags are not kept: a program that clears and then tests them
// sees none raised. Any other MXCSR takes the core's soft floats, which are exact in every respect.

import { type Expr, f32, f64, i32, i64, select, type ValueType } from "../../encoder/expressions.ts";
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
  readonly integer: typeof i32 | typeof i64;
  /** What an operand that is a NaN gets, and the NaN of an invalid operation: bits of an element, then in each lane. */
  readonly quietBit: Expr;
  readonly defaultNan: Expr;
  readonly quietBits: Expr;
  readonly defaultNans: Expr;
}

export const SINGLE: Format = {
  bits: 32,
  type: "f32",
  scalar: f32,
  vector: f32x4,
  integer: i32,
  quietBit: i32.const(0x0040_0000),
  defaultNan: i32.const(0xffc0_0000 | 0),
  quietBits: constant(32, new Array<number>(4).fill(0x0040_0000)),
  defaultNans: constant(32, new Array<number>(4).fill(0xffc0_0000)),
};

export const DOUBLE: Format = {
  bits: 64,
  type: "f64",
  scalar: f64,
  vector: f64x2,
  integer: i64,
  quietBit: i64.const(0x0008_0000_0000_0000n),
  defaultNan: i64.const(0xfff8_0000_0000_0000n),
  quietBits: constant(64, new Array<bigint>(2).fill(0x0008_0000_0000_0000n)),
  defaultNans: constant(64, new Array<bigint>(2).fill(0xfff8_0000_0000_0000n)),
};

/**
 * `fast` where MXCSR is as usual, else operation `code` of the core on two vectors (see layout-sse.ts). Both give a value of
 * `type`; `take` picks the core's out of its result vector.
 */
export function withControl(
  m: Lowering,
  code: Expr,
  operands: () => readonly [Expr, Expr],
  fast: () => Expr,
  take: (result: Expr) => Expr = (result) => result,
  initial: Expr = constant(64, [0, 0]),
): Expr {
  const result = m.variable(initial.type, initial);
  const usual = i32.eq(i32.and(m.field(CPU_MXCSR, "i32"), i32.const(CONTROL_BITS)), i32.const(USUAL_CONTROL));
  m.if(
    usual,
    () => m.assign(result, fast()),
    () => {
      const [a, b] = operands();
      const lowHigh = (v: Expr): Expr[] => [i64x2.extract(v, 0), i64x2.extract(v, 1)];
      m.system("sseFloat", code, ...lowHigh(a), ...lowHigh(b));
      m.assign(result, take(vectorField(m, CPU_FLOAT_SCRATCH + SSE_RESULT)));
    },
  );
  return result;
}

/**
 * NaN results as x86 has them: the first operand if it is a NaN, else the second, made quiet; else the default NaN, which is
 * negative. WebAssembly leaves all of that open.
 */
export function fixNans(m: Lowering, format: Format, value: Expr, a: Expr, b: Expr): Expr {
  const { vector, quietBits, defaultNans } = format;
  const result = m.variable("v128", value);
  const isNan = m.let(vector.ne(result, result));
  m.if(bits.any(isNan), () => {
    const ofB = bits.choose(bits.or(b, quietBits), defaultNans, vector.ne(b, b));
    const chosen = bits.choose(bits.or(a, quietBits), ofB, vector.ne(a, a));
    m.assign(result, bits.choose(chosen, result, isNan));
  });
  return result;
}

/** The same for one element. */
export function fixNan(m: Lowering, format: Format, value: Expr, a: Expr, b: Expr): Expr {
  const { scalar, integer, quietBit, defaultNan } = format;
  const result = m.variable(format.type, value);
  m.if(scalar.ne(result, result), () => {
    const quiet = (x: Expr): Expr => integer.or(integer.reinterpret(x), quietBit);
    const ofB = select(quiet(b), defaultNan, scalar.ne(b, b));
    m.assign(result, scalar.reinterpret(select(quiet(a), ofB, scalar.ne(a, a))));
  });
  return result;
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
