// Conversions between integers and the two float formats. SDM volume 2: CVT* CVTT*. A number that does not fit an integer
// gives the integer indefinite, 0x80000000…, where WebAssembly would saturate: the core does those.

import { type Expr, f32, f64, i32, i64, truncSat } from "../../encoder/expressions.ts";
import {
  SSE_F32_TO_F64,
  SSE_F32_TO_I32,
  SSE_F32_TO_I64,
  SSE_F64_TO_F32,
  SSE_F64_TO_I32,
  SSE_F64_TO_I64,
  SSE_I32_TO_F32,
  SSE_I64_TO_F32,
  SSE_I64_TO_F64,
  SSE_SCALAR,
  SSE_TRUNCATE,
} from "../../layout-sse.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";
import {
  DOUBLE,
  type FastResult,
  finiteElement,
  finiteLanes,
  type Format,
  readScalar,
  SINGLE,
  withControl,
} from "./float.ts";
import { bits, constant, f32x4, f64x2, i32x4, i64x2, ZERO } from "./lanes.ts";
import { readLow, readVector } from "./operands.ts";

const TWO_TO_31_SINGLE = 0x4f00_0000;
const TWO_TO_31_DOUBLE = 0x41e0_0000_0000_0000n;
const TWO_TO_63_SINGLE = 0x5f00_0000;
const TWO_TO_63_DOUBLE = 0x43e0_0000_0000_0000n;

/** Four singles that are exact integers already; exceptional when one is a NaN or does not fit. */
export function singlesToIntegers(m: Lowering, value: Expr): FastResult {
  const whole = m.let(value);
  const fits = f32x4.lt(f32x4.abs(whole), constant(32, new Array<number>(4).fill(TWO_TO_31_SINGLE)));
  return { value: i32x4.fromF32(whole), exceptional: bits.any(bits.not(fits)) };
}

/** Two doubles to the low lanes, zero above. */
export function doublesToIntegers(m: Lowering, value: Expr): FastResult {
  const whole = m.let(value);
  const fits = f64x2.lt(f64x2.abs(whole), constant(64, [TWO_TO_31_DOUBLE, TWO_TO_31_DOUBLE]));
  return { value: i32x4.fromF64(whole), exceptional: bits.any(bits.not(fits)) };
}

/** V = fast(W) for a whole or a half vector as source. */
const packed =
  (code: number, fast: (m: Lowering, b: Expr) => FastResult) =>
  (m: Lowering): void => {
    const b = m.operandSize(1) === 128 ? readVector(m, 1) : readLow(m, 1);
    m.write(
      0,
      withControl(
        m,
        i32.const(code),
        () => [ZERO, b],
        () => fast(m, b),
      ),
    );
  };

/** CVTSI2SS and CVTSI2SD. */
const fromInteger =
  (format: Format, code: number) =>
  (m: Lowering): void => {
    const value = m.read(1);
    const a = m.read(0);
    const wide = value.type === "i64" ? value : i64.extend32S(value);
    const convert = format.scalar[value.type === "i64" ? "fromI64" : "fromI32"];
    const fast = (): FastResult => ({ value: format.vector.replace(a, 0, convert(value)) });
    m.write(
      0,
      withControl(m, i32.const(code | SSE_SCALAR), () => [a, i64x2.splat(wide)], fast),
    );
  };

/** A single value that is an exact integer already, or is to be cut to one, to 32 or 64 bits. */
function toIntegerFast(format: Format, size: 32 | 64, whole: Expr): FastResult {
  const [single, wide] = [format.bits === 32, size === 64];
  const limit = single
    ? f32.const(wide ? TWO_TO_63_SINGLE : TWO_TO_31_SINGLE)
    : f64.reinterpret(i64.const(wide ? TWO_TO_63_DOUBLE : TWO_TO_31_DOUBLE));
  const convert = wide
    ? single
      ? truncSat.i64FromF32
      : truncSat.i64FromF64
    : single
      ? truncSat.i32FromF32
      : truncSat.i32FromF64;
  return { value: convert(whole), exceptional: i32.eqz(format.scalar.lt(format.scalar.abs(whole), limit)) };
}

/** CVTSS2SI, CVTTSS2SI and their twins for doubles. */
const toInteger =
  (format: Format, truncate: boolean) =>
  (m: Lowering): void => {
    const source = readScalar(m, 1, format);
    const size = m.operandSize(0) === 64 ? 64 : 32;
    const to32 = format.bits === 32 ? SSE_F32_TO_I32 : SSE_F64_TO_I32;
    const to64 = format.bits === 32 ? SSE_F32_TO_I64 : SSE_F64_TO_I64;
    const code = (size === 64 ? to64 : to32) | SSE_SCALAR | (truncate ? SSE_TRUNCATE : 0);
    const fast = (): FastResult =>
      toIntegerFast(format, size, truncate ? source.value : m.let(format.scalar.nearest(source.value)));
    const take = (v: Expr): Expr => (size === 64 ? i64x2.extract(v, 0) : i32x4.extract(v, 0));
    const initial = size === 64 ? i64.const(0) : i32.const(0);
    m.write(
      0,
      withControl(m, i32.const(code), () => [ZERO, source.vector()], fast, take, initial),
    );
  };

const scalarBetween =
  (from: Format, to: Format, code: number, convert: (x: Expr) => Expr) =>
  (m: Lowering): void => {
    const source = readScalar(m, 1, from);
    const a = m.read(0);
    const fast = (): FastResult => finiteElement(m, to, convert(source.value), a);
    m.write(
      0,
      withControl(m, i32.const(code | SSE_SCALAR), () => [a, source.vector()], fast),
    );
  };

const between: Instruction[] = [
  instruction("cvtss2sd", ["f3 0f 5a Vx,Wd"], scalarBetween(SINGLE, DOUBLE, SSE_F32_TO_F64, f64.promote)),
  instruction("cvtsd2ss", ["f2 0f 5a Vx,Wq"], scalarBetween(DOUBLE, SINGLE, SSE_F64_TO_F32, f32.demote)),
  instruction(
    "cvtps2pd",
    ["np 0f 5a Vx,Wq"],
    packed(SSE_F32_TO_F64, (m, b) => finiteLanes(m, DOUBLE, f64x2.fromF32Low(b))),
  ),
  instruction(
    "cvtpd2ps",
    ["66 0f 5a Vx,Wx"],
    packed(SSE_F64_TO_F32, (m, b) => finiteLanes(m, SINGLE, f32x4.fromF64(b))),
  ),
];

export const SSE_CONVERSION = [
  ...between,
  instruction("cvtsi2ss", ["f3 0f 2a Vx,Ey"], fromInteger(SINGLE, SSE_I64_TO_F32)),
  instruction("cvtsi2sd", ["f2 0f 2a Vx,Ey"], fromInteger(DOUBLE, SSE_I64_TO_F64)),
  instruction("cvttss2si", ["f3 0f 2c Gy,Wd"], toInteger(SINGLE, true)),
  instruction("cvttsd2si", ["f2 0f 2c Gy,Wq"], toInteger(DOUBLE, true)),
  instruction("cvtss2si", ["f3 0f 2d Gy,Wd"], toInteger(SINGLE, false)),
  instruction("cvtsd2si", ["f2 0f 2d Gy,Wq"], toInteger(DOUBLE, false)),
  instruction(
    "cvtdq2ps",
    ["np 0f 5b Vx,Wx"],
    packed(SSE_I32_TO_F32, (_, b) => ({ value: f32x4.fromI32(b) })),
  ),
  instruction(
    "cvtps2dq",
    ["66 0f 5b Vx,Wx"],
    packed(SSE_F32_TO_I32, (m, b) => singlesToIntegers(m, f32x4.nearest(b))),
  ),
  instruction("cvttps2dq", ["f3 0f 5b Vx,Wx"], packed(SSE_F32_TO_I32 | SSE_TRUNCATE, singlesToIntegers)),
  // Every 32-bit integer is a double: neither rounding nor exceptions.
  instruction("cvtdq2pd", ["f3 0f e6 Vx,Wq"], (m) => m.write(0, f64x2.fromI32Low(readLow(m, 1)))),
  instruction(
    "cvtpd2dq",
    ["f2 0f e6 Vx,Wx"],
    packed(SSE_F64_TO_I32, (m, b) => doublesToIntegers(m, f64x2.nearest(b))),
  ),
  instruction("cvttpd2dq", ["66 0f e6 Vx,Wx"], packed(SSE_F64_TO_I32 | SSE_TRUNCATE, doublesToIntegers)),
];
