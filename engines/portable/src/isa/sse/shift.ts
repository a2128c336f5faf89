// Shifts lane by lane, by a count in a register, in memory or in the instruction, and whole-register shifts by bytes. SDM
// volume 2: PSLL* PSRL* PSRA* PSLLDQ PSRLDQ. A count of the lane's width or more clears (PSRA: fills with the sign);
// WebAssembly would take it modulo the width.

import { type Expr, i32, i64, select } from "../../encoder/expressions.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";
import { enterMmx, readMmx, writeMmx } from "../mmx/state.ts";
import { bits, constant, i16x8, i32x4, i64x2, i8x16, ZERO } from "./lanes.ts";
import { readVector } from "./operands.ts";

type Shift = (a: Expr, count: Expr) => Expr;

/** The same shift for any unsigned count. */
const logical =
  (laneBits: number, shift: Shift) =>
  (m: Lowering, a: Expr, count: Expr): Expr => {
    const bound = m.let(count);
    return select(shift(a, bound), ZERO, i32.ltU(bound, i32.const(laneBits)));
  };

const arithmetic =
  (laneBits: number, shift: Shift) =>
  (m: Lowering, a: Expr, count: Expr): Expr => {
    const bound = m.let(count);
    const last = i32.const(laneBits - 1);
    return shift(a, select(bound, last, i32.ltU(bound, last)));
  };

type AnyShift = ReturnType<typeof logical>;

/** A 64-bit count as an i32 that is at least 255 when the count is. */
function countOf(m: Lowering, source: Expr): Expr {
  const count = m.let(i64x2.extract(source, 0));
  return i32.wrap(select(count, i64.const(255), i64.ltU(count, i64.const(255))));
}

const byOperand =
  (shift: AnyShift) =>
  (m: Lowering): void => {
    if (m.operandSize(0) === 64) {
      const count = countOf(m, readMmx(m, 1));
      enterMmx(m);
      writeMmx(m, 0, shift(m, readMmx(m, 0), count));
    } else {
      const count = countOf(m, readVector(m, 1));
      m.write(0, shift(m, m.read(0), count));
    }
  };

const byImmediate =
  (shift: AnyShift) =>
  (m: Lowering): void => {
    const count = m.read(1);
    if (m.operandSize(0) === 64) {
      enterMmx(m);
      writeMmx(m, 0, shift(m, readMmx(m, 0), count));
    } else {
      m.write(0, shift(m, m.read(0), count));
    }
  };

/** The register forms and `group/extension` with an immediate. */
function shifts(
  name: string,
  opcode: string,
  group: string,
  extension: number,
  shift: AnyShift,
): Instruction[] {
  return [
    instruction(name, [`66 0f ${opcode} Vx,Wx`, `np 0f ${opcode} Pq,Qq`], byOperand(shift)),
    instruction(
      name,
      [`66 0f ${group}/${extension} Ux,Ib`, `np 0f ${group}/${extension} Nq,Ib`],
      byImmediate(shift),
    ),
  ];
}

const IOTA = constant(
  8,
  Array.from({ length: 16 }, (_, i) => i),
);

/** Byte indices outside 0 to 15 select zero. */
const byBytes =
  (direction: Shift) =>
  (m: Lowering): void => {
    const count = m.read(1);
    const clamped = i8x16.splat(select(count, i32.const(16), i32.ltU(count, i32.const(16))));
    m.write(0, bits.swizzle(m.read(0), direction(IOTA, clamped)));
  };

export const SSE_SHIFT = [
  ...shifts("psrlw", "d1", "71", 2, logical(16, i16x8.shrU)),
  ...shifts("psrld", "d2", "72", 2, logical(32, i32x4.shrU)),
  ...shifts("psrlq", "d3", "73", 2, logical(64, i64x2.shrU)),
  ...shifts("psraw", "e1", "71", 4, arithmetic(16, i16x8.shrS)),
  ...shifts("psrad", "e2", "72", 4, arithmetic(32, i32x4.shrS)),
  ...shifts("psllw", "f1", "71", 6, logical(16, i16x8.shl)),
  ...shifts("pslld", "f2", "72", 6, logical(32, i32x4.shl)),
  ...shifts("psllq", "f3", "73", 6, logical(64, i64x2.shl)),
  instruction("psrldq", ["66 0f 73/3 Ux,Ib"], byBytes(i8x16.add)),
  instruction("pslldq", ["66 0f 73/7 Ux,Ib"], byBytes(i8x16.sub)),
];
