// PCMPESTRI PCMPESTRM PCMPISTRI PCMPISTRM and CRC32. SDM volume 2 (§4.1 for the comparison's control byte). The core compares;
// here the lengths are clamped and the answer becomes an index or a mask. Memory operands need not be aligned.

import { type Expr, i32, i64, select } from "../../encoder/expressions.ts";
import { auxOf } from "../flags.ts";
import { instruction, type Lowering } from "../lowering.ts";
import { constant, i16x8, i64x2, i8x16 } from "./lanes.ts";
import { fromI64, maskOfBits, setXmm } from "./operands.ts";

const RCX = 1;

/** A length register as a number of elements from 0 to 16: its magnitude, clamped. The core clamps words to 8. */
function lengthOf(m: Lowering, register: number, wide: boolean): Expr {
  const value = wide ? m.gpr(register, 64) : m.let(i64.extend32S(m.gpr(register, 32)));
  const sign = m.let(i64.shrS(value, i64.const(63)));
  const magnitude = m.let(i64.sub(i64.xor(value, sign), sign));
  return m.let(i32.wrap(select(magnitude, i64.const(16), i64.ltU(magnitude, i64.const(16)))));
}

/** Lengths of the two operands; -1 says that the first zero element ends a string. */
type Lengths = (m: Lowering) => readonly [Expr, Expr];
const explicit =
  (wide: boolean): Lengths =>
  (m) => [lengthOf(m, 0, wide), lengthOf(m, 2, wide)];
const implicit: Lengths = () => [i32.const(-1), i32.const(-1)];

/**
 * compareStrings answers the result bits (IntRes2) in bits 15:0, "second operand ended" in bit 16 and "first operand ended"
 * in bit 17: ZF and SF. CF says that there is any result bit, OF is the first one.
 */
function compareStrings(m: Lowering, lengths: Lengths): { bits: Expr; control: Expr } {
  const b = m.read(1);
  const a = m.read(0);
  const control = m.read(2);
  const [lengthA, lengthB] = lengths(m);
  const halves = (v: Expr): Expr[] => [i64x2.extract(v, 0), i64x2.extract(v, 1)];
  const answer = m.compute("compareStrings", [...halves(a), ...halves(b), lengthA, lengthB, control], "i32");
  const found = m.let(i32.and(answer, i32.const(0xffff)));
  const bit = (n: number): Expr => i32.and(i32.shrU(answer, i32.const(n)), i32.const(1));
  const zf = m.let(bit(16));
  // A result of 0 or 0x100 (even low byte) with deltas for PF, which is clear, and SF.
  const deltas = i32.or(i32.const(0x100), bit(17));
  const carry = m.let(i32.ne(found, i32.const(0)));
  m.setFlags(select(i64.const(0), i64.const(0x100), zf), i32.or(deltas, auxOf(carry, bit(0))));
  return { bits: found, control };
}

/** Index of the lowest or highest result bit (bit 6 of the control), or the number of elements when there is none. */
const toIndex =
  (lengths: Lengths) =>
  (m: Lowering): void => {
    const { bits, control } = compareStrings(m, lengths);
    const count = i32.sub(i32.const(16), i32.shl(i32.and(control, i32.const(1)), i32.const(3)));
    const lowest = i32.ctz(bits);
    const highest = i32.sub(i32.const(31), i32.clz(bits));
    const index = select(highest, lowest, i32.and(control, i32.const(0x40)));
    m.setGpr(RCX, 32, select(index, count, bits));
  };

/** XMM0 = the result bits, or (bit 6 of the control) one byte or word of ones for each. */
const toMask =
  (lengths: Lengths) =>
  (m: Lowering): void => {
    const { bits, control } = compareStrings(m, lengths);
    const powers = Array.from({ length: 8 }, (_, i) => 1 << i);
    const selectors = constant(8, [...powers, ...powers]);
    // Bytes 0 to 7 test the low eight bits, bytes 8 to 15 the high eight.
    const repeated = (value: Expr): Expr => i64x2.extract(i8x16.splat(value), 0);
    const spread = fromI64(repeated(bits), repeated(i32.shrU(bits, i32.const(8))));
    const bytes = maskOfBits((v) => v, i8x16.eq, spread, selectors);
    const words = maskOfBits(i16x8.splat, i16x8.eq, bits, constant(16, powers));
    const expanded = select(words, bytes, i32.and(control, i32.const(1)));
    const plain = fromI64(i64.extend32U(bits));
    setXmm(m, 0, select(expanded, plain, i32.and(control, i32.const(0x40))));
  };

/** CRC32: the Castagnoli polynomial, bit-reflected; the destination is cleared above 32 bits. */
function crc(m: Lowering): void {
  const value = m.read(1);
  const wide = value.type === "i64" ? value : i64.extend32U(value);
  const bytes = i32.const(m.operandSize(1) / 8);
  m.write(0, m.compute("crc32c", [m.read(0, 32), wide, bytes], "i32"), 32);
}

export const SSE_STRING = [
  instruction("pcmpestrm", ["66 0f 3a 60 Vx,Wx,Ib w0"], toMask(explicit(false))),
  instruction("pcmpestrm", ["66 0f 3a 60 Vx,Wx,Ib w1"], toMask(explicit(true))),
  instruction("pcmpestri", ["66 0f 3a 61 Vx,Wx,Ib w0"], toIndex(explicit(false))),
  instruction("pcmpestri", ["66 0f 3a 61 Vx,Wx,Ib w1"], toIndex(explicit(true))),
  instruction("pcmpistrm", ["66 0f 3a 62 Vx,Wx,Ib"], toMask(implicit)),
  instruction("pcmpistri", ["66 0f 3a 63 Vx,Wx,Ib"], toIndex(implicit)),
  instruction("crc32", ["f2 0f 38 f0 Gd,Eb", "f2 0f 38 f1 Gd,Ev"], crc),
];
