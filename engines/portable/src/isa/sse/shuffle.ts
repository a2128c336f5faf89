// Rearranging lanes under control of an immediate or of another register. SDM volume 2: PSHUF* SHUFP* PALIGNR PSHUFB PBLEND*
// BLEND*. The immediate is a run-time value here, so a control byte is turned into a vector of byte numbers for swizzle.

import { type Expr, i32, select } from "../../encoder/expressions.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";
import { enterMmx, readMmx, writeMmx } from "../mmx/state.ts";
import { bits, constant, i16x8, i32x4, i64x2, i8x16 } from "./lanes.ts";
import { maskOfBits, readVector, vectorAndMmx, xmm } from "./operands.ts";

const IOTA = constant(
  8,
  Array.from({ length: 16 }, (_, i) => i),
);
const LOWER_WORDS = [0x0100, 0x0302, 0x0504, 0x0706];
const UPPER_WORDS = [0x0908, 0x0b0a, 0x0d0c, 0x0f0e];
/** Multiplied with a control byte these put two-bit field i at bit 6 of lane i. */
const FIELDS = [64, 16, 4, 1];

/** Byte numbers for four doublewords chosen by the two-bit fields of `control`. */
export function doublewordIndices(control: Expr): Expr {
  if (typeof control.constant === "number")
    return constant(32, knownFields(control.constant, 0x0404_0404, 0x0302_0100));
  const fields = i32x4.shrU(i32x4.mul(i32x4.splat(control), constant(32, FIELDS)), i32.const(6));
  const numbers = bits.and(fields, constant(32, [3, 3, 3, 3]));
  return i32x4.add(
    i32x4.mul(numbers, constant(32, new Array<number>(4).fill(0x0404_0404))),
    constant(32, new Array<number>(4).fill(0x0302_0100)),
  );
}

/** For each two-bit field of an immediate: its value times `factor` plus `first`. */
function knownFields(control: number, factor: number, first: number): number[] {
  return [0, 2, 4, 6].map((shift) => ((control >> shift) & 3) * factor + first);
}

/** Byte numbers for words chosen within one half; the other half stays. */
function wordIndices(control: Expr, half: 0 | 1): Expr {
  const none = [0, 0, 0, 0];
  const low = [0x0100, 0x0100, 0x0100, 0x0100];
  const high = [0x0908, 0x0908, 0x0908, 0x0908];
  const factors = half === 0 ? [...FIELDS, ...none] : [...none, ...FIELDS];
  if (typeof control.constant === "number") {
    const chosen = knownFields(control.constant, 0x0202, half === 0 ? 0x0100 : 0x0908);
    return constant(16, half === 0 ? [...chosen, ...UPPER_WORDS] : [...LOWER_WORDS, ...chosen]);
  }
  const stay = half === 0 ? [...low, ...UPPER_WORDS] : [...LOWER_WORDS, ...high];
  const fields = i16x8.shrU(i16x8.mul(i16x8.splat(control), constant(16, factors)), i32.const(6));
  const numbers = bits.and(fields, constant(16, new Array<number>(8).fill(3)));
  return i16x8.add(i16x8.mul(numbers, constant(16, new Array<number>(8).fill(0x0202))), constant(16, stay));
}

/** V = W with its lanes chosen by the immediate. */
const choose =
  (indices: (control: Expr) => Expr) =>
  (m: Lowering): void => {
    const source = readVector(m, 1);
    m.write(0, bits.swizzle(source, indices(m.read(2))));
  };

function chooseMmxWords(m: Lowering): void {
  const source = readMmx(m, 1);
  enterMmx(m);
  writeMmx(m, 0, bits.swizzle(source, wordIndices(m.read(2), 0)));
}

/** SHUFPS: the two low lanes from the destination, the two high ones from the source. */
function shuffleSingles(m: Lowering): void {
  const b = readVector(m, 1);
  const a = m.read(0);
  const indices = m.let(doublewordIndices(m.read(2)));
  const chosen = bits.shuffle(
    bits.swizzle(a, indices),
    bits.swizzle(b, indices),
    [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31],
  );
  m.write(0, chosen);
}

function shuffleDoubles(m: Lowering): void {
  const b = readVector(m, 1);
  const a = m.read(0);
  const control = m.read(2);
  const half = (v: Expr, bit: number): Expr =>
    select(i64x2.extract(v, 1), i64x2.extract(v, 0), i32.and(control, i32.const(bit)));
  m.write(0, i64x2.replace(i64x2.splat(half(a, 1)), 1, half(b, 2)));
}

/** Bytes of a:b from byte `count` on; `width` is the number of bytes of each. Byte numbers out of range select zero. */
function align(a: Expr, b: Expr, count: Expr, width: 8 | 16, m: Lowering): Expr {
  if (typeof count.constant === "number" && width === 16 && count.constant <= 16)
    return bits.shuffle(
      b,
      a,
      (IOTA.bytes ?? []).map((byte) => byte + Number(count.constant)),
    );
  const indices = m.let(i8x16.addSatU(IOTA, i8x16.splat(count)));
  if (width === 8) {
    const both = bits.shuffle(b, a, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
    return bits.swizzle(both, indices);
  }
  const inA = i8x16.sub(indices, constant(8, new Array<number>(16).fill(16)));
  return bits.or(bits.swizzle(b, indices), bits.swizzle(a, inA));
}

function alignRight(m: Lowering): void {
  if (m.operandSize(0) === 64) {
    const b = readMmx(m, 1);
    enterMmx(m);
    writeMmx(m, 0, align(readMmx(m, 0), b, m.read(2), 8, m));
  } else {
    const b = readVector(m, 1);
    m.write(0, align(m.read(0), b, m.read(2), 16, m));
  }
}

/** PSHUFB: bit 7 of a control byte clears, the bits above the byte number are ignored. */
const shuffleBytes =
  (kept: number) =>
  (a: Expr, control: Expr): Expr =>
    bits.swizzle(a, bits.and(control, constant(8, new Array<number>(16).fill(kept))));

/** Lanes of the source where the immediate's bit is set. */
const blendImmediate =
  (mask: (control: Expr) => Expr) =>
  (m: Lowering): void => {
    const b = readVector(m, 1);
    m.write(0, bits.choose(b, m.read(0), mask(m.read(2))));
  };

/** Lanes of the source where the lane of XMM0 is negative. */
const blendBySign =
  (shift: (a: Expr, count: Expr) => Expr, laneBits: number) =>
  (m: Lowering): void => {
    const b = readVector(m, 1);
    m.write(0, bits.choose(b, m.read(0), shift(xmm(m, 0), i32.const(laneBits - 1))));
  };

const blends: Instruction[] = [
  instruction(
    "pblendw",
    ["66 0f 3a 0e Vx,Wx,Ib"],
    blendImmediate((control) =>
      maskOfBits(i16x8.splat, i16x8.eq, control, constant(16, [1, 2, 4, 8, 16, 32, 64, 128])),
    ),
  ),
  instruction(
    "blendps",
    ["66 0f 3a 0c Vx,Wx,Ib"],
    blendImmediate((control) => maskOfBits(i32x4.splat, i32x4.eq, control, constant(32, [1, 2, 4, 8]))),
  ),
  instruction(
    "blendpd",
    ["66 0f 3a 0d Vx,Wx,Ib"],
    blendImmediate((control) => maskOfBits(i32x4.splat, i32x4.eq, control, constant(32, [1, 1, 2, 2]))),
  ),
  instruction("pblendvb", ["66 0f 38 10 Vx,Wx"], blendBySign(i8x16.shrS, 8)),
  instruction("blendvps", ["66 0f 38 14 Vx,Wx"], blendBySign(i32x4.shrS, 32)),
  instruction("blendvpd", ["66 0f 38 15 Vx,Wx"], blendBySign(i64x2.shrS, 64)),
];

export const SSE_SHUFFLE = [
  instruction("pshufd", ["66 0f 70 Vx,Wx,Ib"], choose(doublewordIndices)),
  instruction(
    "pshuflw",
    ["f2 0f 70 Vx,Wx,Ib"],
    choose((control) => wordIndices(control, 0)),
  ),
  instruction(
    "pshufhw",
    ["f3 0f 70 Vx,Wx,Ib"],
    choose((control) => wordIndices(control, 1)),
  ),
  instruction("pshufw", ["np 0f 70 Pq,Qq,Ib"], chooseMmxWords),
  instruction("shufps", ["np 0f c6 Vx,Wx,Ib"], shuffleSingles),
  instruction("shufpd", ["66 0f c6 Vx,Wx,Ib"], shuffleDoubles),
  instruction("palignr", ["66 0f 3a 0f Vx,Wx,Ib", "np 0f 3a 0f Pq,Qq,Ib"], alignRight),
  vectorAndMmx("pshufb", "38 00", shuffleBytes(0x8f), shuffleBytes(0x87)),
  ...blends,
];
