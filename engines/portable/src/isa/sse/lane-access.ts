// One lane in or out. SDM volume 2: PINSR* PEXTR* EXTRACTPS INSERTPS. The lane number is a run-time value here.

import { type Expr, i32, select } from "../../encoder/expressions.ts";
import { instruction, type Lowering } from "../lowering.ts";
import { enterMmx, readMmx, writeMmx } from "../mmx/state.ts";
import { bits, constant, i16x8, i32x4, i64x2, i8x16 } from "./lanes.ts";
import { maskOfBits, readLow } from "./operands.ts";

interface LaneShape {
  readonly splat: (a: Expr) => Expr;
  readonly eq: (a: Expr, b: Expr) => Expr;
  readonly numbers: Expr;
  readonly mask: number;
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const BYTES: LaneShape = { splat: i8x16.splat, eq: i8x16.eq, numbers: constant(8, count(16)), mask: 15 };
const WORDS: LaneShape = { splat: i16x8.splat, eq: i16x8.eq, numbers: constant(16, count(8)), mask: 7 };
const DOUBLES: LaneShape = { splat: i32x4.splat, eq: i32x4.eq, numbers: constant(32, count(4)), mask: 3 };

/** `into` with lane `number` replaced. */
function withLane(shape: LaneShape, into: Expr, number: Expr, value: Expr): Expr {
  const chosen = shape.eq(shape.splat(i32.and(number, i32.const(shape.mask))), shape.numbers);
  return bits.choose(shape.splat(value), into, chosen);
}

const insert =
  (shape: LaneShape) =>
  (m: Lowering): void => {
    const value = m.read(1);
    m.write(0, withLane(shape, m.read(0), m.read(2), value));
  };

/** PINSRW on an MMX register: four lanes. */
function insertMmx(m: Lowering): void {
  if (m.isMemory(1)) m.system("fpuWait");
  const value = m.read(1);
  enterMmx(m);
  writeMmx(m, 0, withLane({ ...WORDS, mask: 3 }, readMmx(m, 0), m.read(2), value));
}

/** PINSRD and PINSRQ. */
function insertWide(m: Lowering): void {
  if (m.operandSize(1) === 32) return insert(DOUBLES)(m);
  const value = m.read(1);
  const a = m.read(0);
  const high = i32.and(m.read(2), i32.const(1));
  m.write(0, select(i64x2.replace(a, 1, value), i64x2.replace(a, 0, value), high));
}

const extractByte = (value: Expr, number: Expr): Expr =>
  i8x16.extractU(bits.swizzle(value, i8x16.splat(i32.and(number, i32.const(15)))), 0);

const extractWord = (value: Expr, number: Expr, mask: number): Expr => {
  const index = i32.mul(i32.and(number, i32.const(mask)), i32.const(0x0202));
  return i16x8.extractU(bits.swizzle(value, i16x8.splat(i32.add(index, i32.const(0x0100)))), 0);
};

const doublewordIndex = (number: Expr): Expr =>
  i32x4.splat(
    i32.add(i32.mul(i32.and(number, i32.const(3)), i32.const(0x0404_0404)), i32.const(0x0302_0100)),
  );

function extractWide(m: Lowering): void {
  const value = m.read(1);
  const number = m.read(2);
  if (m.operandSize(0) === 32)
    return m.write(0, i32x4.extract(bits.swizzle(value, doublewordIndex(number)), 0));
  const odd = i32.and(number, i32.const(1));
  m.write(0, select(i64x2.extract(value, 1), i64x2.extract(value, 0), odd));
}

function extractMmx(m: Lowering): void {
  enterMmx(m);
  m.write(0, extractWord(readMmx(m, 1), m.read(2), 3));
}

/** INSERTPS: source lane in bits 7:6 (registers only), destination lane in 5:4, lanes to clear in 3:0. */
function insertSingle(m: Lowering): void {
  const source = readLow(m, 1);
  const control = m.read(2);
  const from = i32.shrU(control, i32.const(6));
  const value = m.isMemory(1) ? source : bits.swizzle(source, doublewordIndex(from));
  const to = i32x4.eq(i32x4.splat(i32.and(i32.shrU(control, i32.const(4)), i32.const(3))), DOUBLES.numbers);
  const cleared = maskOfBits(i32x4.splat, i32x4.eq, control, constant(32, [1, 2, 4, 8]));
  m.write(0, bits.andNot(bits.choose(value, m.read(0), to), cleared));
}

export const SSE_LANE_ACCESS = [
  instruction("pinsrb", ["66 0f 3a 20 Vx,Rd,Ib", "66 0f 3a 20 Vx,Mb,Ib"], insert(BYTES)),
  instruction("pinsrw", ["66 0f c4 Vx,Rd,Ib", "66 0f c4 Vx,Mw,Ib"], insert(WORDS)),
  instruction("pinsrw", ["np 0f c4 Pq,Rd,Ib", "np 0f c4 Pq,Mw,Ib"], insertMmx),
  instruction("pinsrd", ["66 0f 3a 22 Vx,Ey,Ib"], insertWide),
  instruction("pextrb", ["66 0f 3a 14 Rd,Vx,Ib", "66 0f 3a 14 Mb,Vx,Ib"], (m) =>
    m.write(0, extractByte(m.read(1), m.read(2))),
  ),
  instruction("pextrw", ["66 0f 3a 15 Rd,Vx,Ib", "66 0f 3a 15 Mw,Vx,Ib", "66 0f c5 Gd,Ux,Ib"], (m) =>
    m.write(0, extractWord(m.read(1), m.read(2), 7)),
  ),
  instruction("pextrw", ["np 0f c5 Gd,Nq,Ib"], extractMmx),
  instruction("pextrd", ["66 0f 3a 16 Ey,Vx,Ib"], extractWide),
  instruction("extractps", ["66 0f 3a 17 Ed,Vx,Ib"], extractWide),
  instruction("insertps", ["66 0f 3a 21 Vx,Wd,Ib"], insertSingle),
];
