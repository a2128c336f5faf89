// Integer arithmetic lane by lane. SDM volume 2: PADD* PSUB* PAVG* PMIN* PMAX* PABS* PSIGN* PMUL* PMADD* PHADD* PHSUB* PSADBW
// MPSADBW PHMINPOSUW. Up to SSSE3 they exist for MMX registers too.

import { type Expr, i32, i64 } from "../../encoder/expressions.ts";
import { instruction, type Lowering } from "../lowering.ts";
import { mmxBinary } from "../mmx/state.ts";
import { bits, constant, i16x8, i32x4, i64x2, i8x16, ZERO } from "./lanes.ts";
import { unary, readVector, vectorAndMmx, vectorOnly, type VectorOperation } from "./operands.ts";

/** Bytes of every second lane of a:b, beginning with lane `first`. */
const everySecond = (laneBytes: number, first: 0 | 1): number[] =>
  Array.from({ length: 16 }, (_, i) => (2 * Math.floor(i / laneBytes) + first) * laneBytes + (i % laneBytes));

const upperHalves = (low: Expr, high: Expr): Expr => bits.shuffle(low, high, everySecond(2, 1));

/** Products of the even doublewords. */
const evenProducts =
  (multiply: VectorOperation): VectorOperation =>
  (a, b, m) => {
    const lanes = everySecond(4, 0);
    return multiply(bits.shuffle(a, a, lanes), bits.shuffle(b, b, lanes), m);
  };

const highProducts =
  (low: VectorOperation, high: VectorOperation): VectorOperation =>
  (a, b, m) =>
    upperHalves(low(a, b, m), high(a, b, m));

/** Unsigned bytes of `a` times signed bytes of `b`; the sums of pairs saturate. */
const multiplyAddBytes: VectorOperation = (a, b) => {
  const low = constant(16, new Array<number>(8).fill(0xff));
  const even = i16x8.mul(bits.and(a, low), i16x8.shrS(i16x8.shl(b, i32.const(8)), i32.const(8)));
  const odd = i16x8.mul(i16x8.shrU(a, i32.const(8)), i16x8.shrS(b, i32.const(8)));
  return i16x8.addSatS(even, odd);
};

/** PMULHRSW does not saturate where WebAssembly's operation does: -1 times -1 stays 0x8000. */
const multiplyRound: VectorOperation = (a, b) => {
  const minimum = constant(16, new Array<number>(8).fill(0x8000));
  return bits.xor(i16x8.multiplyRoundQ15(a, b), bits.and(i16x8.eq(a, minimum), i16x8.eq(b, minimum)));
};

type Lanes = typeof i8x16 | typeof i16x8 | typeof i32x4;

/** `a`, negated where `b` is negative and cleared where it is zero. */
const applySign =
  (lanes: Lanes): VectorOperation =>
  (a, b, m) => {
    const negative = m.let(lanes.ltS(b, ZERO));
    return bits.andNot(lanes.sub(bits.xor(a, negative), negative), lanes.eq(b, ZERO));
  };

/** Neighbours of a:b combined; in 64 bits a and b are the halves of one vector. */
const horizontal =
  (laneBytes: 2 | 4, combine: VectorOperation): VectorOperation =>
  (a, b, m) =>
    combine(bits.shuffle(a, b, everySecond(laneBytes, 0)), bits.shuffle(a, b, everySecond(laneBytes, 1)), m);

const inOneVector =
  (operation: VectorOperation): VectorOperation =>
  (a, b, m) => {
    const both = m.let(bits.shuffle(a, b, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]));
    return operation(both, both, m);
  };

const horizontalForms = (mnemonic: string, opcode: string, laneBytes: 2 | 4, combine: VectorOperation) => {
  const operation = horizontal(laneBytes, combine);
  return vectorAndMmx(mnemonic, opcode, operation, inOneVector(operation));
};

/** Sums of the absolute differences of eight bytes. */
const sumOfDifferences: VectorOperation = (a, b, m) => {
  const differences = bits.or(i8x16.subSatU(a, b), i8x16.subSatU(b, a));
  const fours = m.let(i32x4.addPairsU(i16x8.addPairsU(differences)));
  return i64x2.add(
    i64x2.shrU(fours, i32.const(32)),
    bits.and(fours, constant(64, [0xffff_ffff, 0xffff_ffff])),
  );
};

/** Byte `from + i` of a vector for i = 0 to 7, each as a word. */
const wordsFrom = (value: Expr, from: number): Expr =>
  bits.shuffle(
    value,
    ZERO,
    Array.from({ length: 16 }, (_, i) => (i & 1 ? 16 : from + (i >> 1))),
  );

/** MPSADBW: four bytes of the source, chosen by bits 1:0, against eight places of the destination from byte 0 or 4 (bit 2). */
function slidingDifferences(m: Lowering): void {
  const source = readVector(m, 1);
  const control = m.read(2);
  const iota = constant(
    8,
    Array.from({ length: 16 }, (_, i) => i),
  );
  const first = i32.and(control, i32.const(4));
  const block = i32.shl(i32.and(control, i32.const(3)), i32.const(2));
  const a = m.let(bits.swizzle(m.read(0), i8x16.add(iota, i8x16.splat(first))));
  const b = m.let(bits.swizzle(source, i8x16.add(iota, i8x16.splat(block))));
  const terms = [0, 1, 2, 3].map((k) => {
    const one = bits.shuffle(
      b,
      ZERO,
      Array.from({ length: 16 }, (_, i) => (i & 1 ? 16 : k)),
    );
    return i16x8.abs(i16x8.sub(wordsFrom(a, k), one));
  });
  m.write(
    0,
    terms.reduce((sum, term) => i16x8.add(sum, term)),
  );
}

/** PHMINPOSUW: the smallest word, its first position above it. */
function smallestWord(a: Expr, m: Lowering): Expr {
  const keys = (words: Expr, first: number): Expr =>
    bits.or(i32x4.shl(words, i32.const(16)), constant(32, [first, first + 1, first + 2, first + 3]));
  const bound = m.let(a);
  const four = m.let(i32x4.minU(keys(i32x4.extendLowU(bound), 0), keys(i32x4.extendHighU(bound), 4)));
  const two = m.let(
    i32x4.minU(four, bits.shuffle(four, four, [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7])),
  );
  const one = i32x4.minU(two, bits.shuffle(two, two, [4, 5, 6, 7, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]));
  return i64x2.replace(ZERO, 0, i64.extend32U(i32.rotl(i32x4.extract(one, 0), i32.const(16))));
}

const absolute = (mnemonic: string, opcode: string, lanes: Lanes) => {
  const wide = unary(lanes.abs);
  const narrow = mmxBinary((_, b) => lanes.abs(b));
  return instruction(mnemonic, [`66 0f ${opcode} Vx,Wx`, `np 0f ${opcode} Pq,Qq`], (m) =>
    m.operandSize(0) === 64 ? narrow(m) : wide(m),
  );
};

export const SSE_INTEGER = [
  vectorAndMmx("paddb", "fc", i8x16.add),
  vectorAndMmx("paddw", "fd", i16x8.add),
  vectorAndMmx("paddd", "fe", i32x4.add),
  vectorAndMmx("paddq", "d4", i64x2.add),
  vectorAndMmx("paddsb", "ec", i8x16.addSatS),
  vectorAndMmx("paddsw", "ed", i16x8.addSatS),
  vectorAndMmx("paddusb", "dc", i8x16.addSatU),
  vectorAndMmx("paddusw", "dd", i16x8.addSatU),
  vectorAndMmx("psubb", "f8", i8x16.sub),
  vectorAndMmx("psubw", "f9", i16x8.sub),
  vectorAndMmx("psubd", "fa", i32x4.sub),
  vectorAndMmx("psubq", "fb", i64x2.sub),
  vectorAndMmx("psubsb", "e8", i8x16.subSatS),
  vectorAndMmx("psubsw", "e9", i16x8.subSatS),
  vectorAndMmx("psubusb", "d8", i8x16.subSatU),
  vectorAndMmx("psubusw", "d9", i16x8.subSatU),
  vectorAndMmx("pavgb", "e0", i8x16.averageU),
  vectorAndMmx("pavgw", "e3", i16x8.averageU),
  vectorAndMmx("pminub", "da", i8x16.minU),
  vectorAndMmx("pmaxub", "de", i8x16.maxU),
  vectorAndMmx("pminsw", "ea", i16x8.minS),
  vectorAndMmx("pmaxsw", "ee", i16x8.maxS),
  vectorOnly("pminsb", "38 38", i8x16.minS),
  vectorOnly("pminsd", "38 39", i32x4.minS),
  vectorOnly("pminuw", "38 3a", i16x8.minU),
  vectorOnly("pminud", "38 3b", i32x4.minU),
  vectorOnly("pmaxsb", "38 3c", i8x16.maxS),
  vectorOnly("pmaxsd", "38 3d", i32x4.maxS),
  vectorOnly("pmaxuw", "38 3e", i16x8.maxU),
  vectorOnly("pmaxud", "38 3f", i32x4.maxU),
  vectorAndMmx("pmullw", "d5", i16x8.mul),
  vectorAndMmx("pmulhw", "e5", highProducts(i32x4.multiplyLowS, i32x4.multiplyHighS)),
  vectorAndMmx("pmulhuw", "e4", highProducts(i32x4.multiplyLowU, i32x4.multiplyHighU)),
  vectorAndMmx("pmulhrsw", "38 0b", multiplyRound),
  vectorAndMmx("pmuludq", "f4", evenProducts(i64x2.multiplyLowU)),
  vectorOnly("pmuldq", "38 28", evenProducts(i64x2.multiplyLowS)),
  vectorOnly("pmulld", "38 40", i32x4.mul),
  vectorAndMmx("pmaddwd", "f5", i32x4.dot),
  vectorAndMmx("pmaddubsw", "38 04", multiplyAddBytes),
  vectorAndMmx("psadbw", "f6", sumOfDifferences),
  vectorAndMmx("psignb", "38 08", applySign(i8x16)),
  vectorAndMmx("psignw", "38 09", applySign(i16x8)),
  vectorAndMmx("psignd", "38 0a", applySign(i32x4)),
  absolute("pabsb", "38 1c", i8x16),
  absolute("pabsw", "38 1d", i16x8),
  absolute("pabsd", "38 1e", i32x4),
  horizontalForms("phaddw", "38 01", 2, i16x8.add),
  horizontalForms("phaddd", "38 02", 4, i32x4.add),
  horizontalForms("phaddsw", "38 03", 2, i16x8.addSatS),
  horizontalForms("phsubw", "38 05", 2, i16x8.sub),
  horizontalForms("phsubd", "38 06", 4, i32x4.sub),
  horizontalForms("phsubsw", "38 07", 2, i16x8.subSatS),
  instruction("mpsadbw", ["66 0f 3a 42 Vx,Wx,Ib"], slidingDifferences),
  instruction("phminposuw", ["66 0f 38 41 Vx,Wx"], unary(smallestWord)),
];
