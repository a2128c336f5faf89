// Packing with saturation, interleaving, and extension of narrow lanes. SDM volume 2: PACK* PUNPCK* UNPCK* PMOVSX* PMOVZX*.

import type { Expr } from "../../encoder/expressions.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";
import { mmxBinary } from "../mmx/state.ts";
import { bits, i16x8, i32x4, i64x2, i8x16 } from "./lanes.ts";
import { binary, readLow, vectorAndMmx, vectorOnly, type VectorOperation } from "./operands.ts";

const HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];

/** In 64 bits both operands are the halves of one vector. */
function packs(name: string, opcode: string, narrow: VectorOperation): Instruction {
  return vectorAndMmx(name, opcode, narrow, (a, b, m) => {
    const both = m.let(bits.shuffle(a, b, HALVES));
    return narrow(both, both, m);
  });
}

/** Lanes of a and b by turns, beginning with byte `from` of each. */
const interleave =
  (laneBytes: number, from: number): VectorOperation =>
  (a, b) => {
    const lanes = Array.from({ length: 16 }, (_, i) => {
      const lane = Math.floor(i / laneBytes);
      return from + (lane >> 1) * laneBytes + (i % laneBytes) + (lane & 1 ? 16 : 0);
    });
    return bits.shuffle(a, b, lanes);
  };

/** The low form for MMX reads 32 bits of memory. */
function interleaves(name: string, opcode: string, laneBytes: number, half: "low" | "high"): Instruction {
  const wide = binary(interleave(laneBytes, half === "low" ? 0 : 8));
  const narrow = mmxBinary(interleave(laneBytes, half === "low" ? 0 : 4));
  const forms = [`66 0f ${opcode} Vx,Wx`, `np 0f ${opcode} Pq,${half === "low" ? "Qd" : "Qq"}`];
  return instruction(name, forms, (m) => (m.operandSize(0) === 64 ? narrow(m) : wide(m)));
}

const extend =
  (...steps: readonly ((a: Expr) => Expr)[]) =>
  (m: Lowering): void =>
    m.write(
      0,
      steps.reduce((value, step) => step(value), readLow(m, 1)),
    );

export const SSE_PACK = [
  packs("packsswb", "63", i8x16.narrowS),
  packs("packssdw", "6b", i16x8.narrowS),
  packs("packuswb", "67", i8x16.narrowU),
  vectorOnly("packusdw", "38 2b", i16x8.narrowU),
  interleaves("punpcklbw", "60", 1, "low"),
  interleaves("punpcklwd", "61", 2, "low"),
  interleaves("punpckldq", "62", 4, "low"),
  interleaves("punpckhbw", "68", 1, "high"),
  interleaves("punpckhwd", "69", 2, "high"),
  interleaves("punpckhdq", "6a", 4, "high"),
  vectorOnly("punpcklqdq", "6c", interleave(8, 0)),
  vectorOnly("punpckhqdq", "6d", interleave(8, 8)),
  instruction("unpcklps", ["np 0f 14 Vx,Wx"], binary(interleave(4, 0))),
  instruction("unpckhps", ["np 0f 15 Vx,Wx"], binary(interleave(4, 8))),
  instruction("unpcklpd", ["66 0f 14 Vx,Wx"], binary(interleave(8, 0))),
  instruction("unpckhpd", ["66 0f 15 Vx,Wx"], binary(interleave(8, 8))),
  instruction("pmovsxbw", ["66 0f 38 20 Vx,Wq"], extend(i16x8.extendLowS)),
  instruction("pmovsxbd", ["66 0f 38 21 Vx,Wd"], extend(i16x8.extendLowS, i32x4.extendLowS)),
  instruction(
    "pmovsxbq",
    ["66 0f 38 22 Vx,Ww"],
    extend(i16x8.extendLowS, i32x4.extendLowS, i64x2.extendLowS),
  ),
  instruction("pmovsxwd", ["66 0f 38 23 Vx,Wq"], extend(i32x4.extendLowS)),
  instruction("pmovsxwq", ["66 0f 38 24 Vx,Wd"], extend(i32x4.extendLowS, i64x2.extendLowS)),
  instruction("pmovsxdq", ["66 0f 38 25 Vx,Wq"], extend(i64x2.extendLowS)),
  instruction("pmovzxbw", ["66 0f 38 30 Vx,Wq"], extend(i16x8.extendLowU)),
  instruction("pmovzxbd", ["66 0f 38 31 Vx,Wd"], extend(i16x8.extendLowU, i32x4.extendLowU)),
  instruction(
    "pmovzxbq",
    ["66 0f 38 32 Vx,Ww"],
    extend(i16x8.extendLowU, i32x4.extendLowU, i64x2.extendLowU),
  ),
  instruction("pmovzxwd", ["66 0f 38 33 Vx,Wq"], extend(i32x4.extendLowU)),
  instruction("pmovzxwq", ["66 0f 38 34 Vx,Wd"], extend(i32x4.extendLowU, i64x2.extendLowU)),
  instruction("pmovzxdq", ["66 0f 38 35 Vx,Wq"], extend(i64x2.extendLowU)),
];
