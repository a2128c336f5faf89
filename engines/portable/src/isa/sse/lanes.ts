// The lane instructions of WebAssembly's 128-bit vectors by name (core specification §5.4.9 and §7.10). Operands and results
// are v128 unless a name says otherwise; shift counts are i32 and taken modulo the lane's width.

import { type Expr, v128, type ValueType } from "../../encoder/expressions.ts";

const { unary, binary, shift, splat } = v128;
const extract = (opcode: number, type: ValueType) => (a: Expr, lane: number) =>
  v128.extractLane(opcode, type, lane)(a);
const replace = (opcode: number) => (a: Expr, lane: number, value: Expr) =>
  v128.replaceLane(opcode, lane)(a, value);

/** A v128 constant from 16 bytes, 8 words, 4 doublewords or 2 quadwords. */
export function constant(laneBits: 8 | 16 | 32 | 64, lanes: readonly (number | bigint)[]): Expr {
  const bytes: number[] = [];
  for (const lane of lanes)
    for (let bit = 0; bit < laneBits; bit += 8) bytes.push(Number((BigInt(lane) >> BigInt(bit)) & 0xffn));
  return v128.const(bytes);
}

export const ZERO: Expr = constant(64, [0, 0]);

export const bits = {
  not: unary(0x4d),
  and: binary(0x4e),
  /** a & ~b */
  andNot: binary(0x4f),
  or: binary(0x50),
  xor: binary(0x51),
  /** i32: 1 when any bit is set. */
  any: unary(0x53, "i32"),
  /** Bits of `a` where `mask` is 1, of `b` elsewhere. */
  choose: v128.bitselect,
  shuffle: v128.shuffle,
  /** Byte i of the result is a[index[i]], or 0 for an index above 15. */
  swizzle: (a: Expr, index: Expr): Expr =>
    index.bytes?.every((byte) => byte < 16) ? v128.shuffle(a, a, index.bytes) : binary(0x0e)(a, index),
};

export const i8x16 = {
  splat: splat(0x0f),
  extractU: extract(0x16, "i32"),
  eq: binary(0x23),
  ltS: binary(0x25),
  gtS: binary(0x27),
  abs: unary(0x60),
  neg: unary(0x61),
  bitmask: unary(0x64, "i32"),
  narrowS: binary(0x65),
  narrowU: binary(0x66),
  shl: shift(0x6b),
  shrS: shift(0x6c),
  shrU: shift(0x6d),
  add: binary(0x6e),
  addSatS: binary(0x6f),
  addSatU: binary(0x70),
  sub: binary(0x71),
  subSatS: binary(0x72),
  subSatU: binary(0x73),
  minS: binary(0x76),
  minU: binary(0x77),
  maxS: binary(0x78),
  maxU: binary(0x79),
  averageU: binary(0x7b),
};

export const i16x8 = {
  splat: splat(0x10),
  extractU: extract(0x19, "i32"),
  eq: binary(0x2d),
  ltS: binary(0x2f),
  gtS: binary(0x31),
  addPairsU: unary(0x7d),
  abs: unary(0x80),
  neg: unary(0x81),
  multiplyRoundQ15: binary(0x82),
  narrowS: binary(0x85),
  narrowU: binary(0x86),
  extendLowS: unary(0x87),
  extendLowU: unary(0x89),
  shl: shift(0x8b),
  shrS: shift(0x8c),
  shrU: shift(0x8d),
  add: binary(0x8e),
  addSatS: binary(0x8f),
  addSatU: binary(0x90),
  sub: binary(0x91),
  subSatS: binary(0x92),
  subSatU: binary(0x93),
  mul: binary(0x95),
  minS: binary(0x96),
  minU: binary(0x97),
  maxS: binary(0x98),
  maxU: binary(0x99),
  averageU: binary(0x9b),
};

export const i32x4 = {
  splat: splat(0x11),
  extract: extract(0x1b, "i32"),
  replace: replace(0x1c),
  eq: binary(0x37),
  ltS: binary(0x39),
  gtS: binary(0x3b),
  addPairsU: unary(0x7f),
  abs: unary(0xa0),
  neg: unary(0xa1),
  bitmask: unary(0xa4, "i32"),
  extendLowS: unary(0xa7),
  extendLowU: unary(0xa9),
  extendHighU: unary(0xaa),
  shl: shift(0xab),
  shrS: shift(0xac),
  shrU: shift(0xad),
  add: binary(0xae),
  sub: binary(0xb1),
  mul: binary(0xb5),
  minS: binary(0xb6),
  minU: binary(0xb7),
  maxS: binary(0xb8),
  maxU: binary(0xb9),
  dot: binary(0xba),
  multiplyLowS: binary(0xbc),
  multiplyHighS: binary(0xbd),
  multiplyLowU: binary(0xbe),
  multiplyHighU: binary(0xbf),
  /** Saturating; NaN gives 0. */
  fromF32: unary(0xf8),
  /** Two doubles to the low lanes, zero above. */
  fromF64: unary(0xfc),
};

export const i64x2 = {
  splat: splat(0x12),
  extract: extract(0x1d, "i64"),
  replace: replace(0x1e),
  bitmask: unary(0xc4, "i32"),
  extendLowS: unary(0xc7),
  extendLowU: unary(0xc9),
  shl: shift(0xcb),
  shrS: shift(0xcc),
  shrU: shift(0xcd),
  add: binary(0xce),
  sub: binary(0xd1),
  eq: binary(0xd6),
  gtS: binary(0xd9),
  multiplyLowS: binary(0xdc),
  multiplyLowU: binary(0xde),
};

export const f32x4 = {
  splat: splat(0x13),
  extract: extract(0x1f, "f32"),
  replace: replace(0x20),
  eq: binary(0x41),
  ne: binary(0x42),
  lt: binary(0x43),
  le: binary(0x45),
  ceil: unary(0x67),
  floor: unary(0x68),
  trunc: unary(0x69),
  nearest: unary(0x6a),
  abs: unary(0xe0),
  sqrt: unary(0xe3),
  add: binary(0xe4),
  sub: binary(0xe5),
  mul: binary(0xe6),
  div: binary(0xe7),
  /** b < a ? b : a */
  pmin: binary(0xea),
  /** a < b ? b : a */
  pmax: binary(0xeb),
  fromI32: unary(0xfa),
  /** Two doubles to the low lanes, zero above. */
  fromF64: unary(0x5e),
};

export const f64x2 = {
  splat: splat(0x14),
  extract: extract(0x21, "f64"),
  replace: replace(0x22),
  eq: binary(0x47),
  ne: binary(0x48),
  lt: binary(0x49),
  le: binary(0x4b),
  ceil: unary(0x74),
  floor: unary(0x75),
  trunc: unary(0x7a),
  nearest: unary(0x94),
  abs: unary(0xec),
  sqrt: unary(0xef),
  add: binary(0xf0),
  sub: binary(0xf1),
  mul: binary(0xf2),
  div: binary(0xf3),
  pmin: binary(0xf6),
  pmax: binary(0xf7),
  fromF32Low: unary(0x5f),
  fromI32Low: unary(0xfe),
};
