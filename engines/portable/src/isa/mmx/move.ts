// MMX moves: MOVD MOVQ MOVNTQ MOVQ2DQ MOVDQ2Q PMOVMSKB MASKMOVQ EMMS. SDM volume 2.

import { i32, i64 } from "../../encoder/expressions.ts";
import { instruction, type Lowering } from "../lowering.ts";
import { i64x2, i8x16 } from "../sse/lanes.ts";
import { fromI64 } from "../sse/operands.ts";
import { enterMmx, readMmx, writeMmx } from "./state.ts";

/** Loads and register moves; a 32-bit source is extended with zeros. */
function load(m: Lowering): void {
  if (m.isMemory(1)) m.system("fpuWait");
  const value = m.read(1);
  enterMmx(m);
  writeMmx(m, 0, value.type === "i32" ? i64.extend32U(value) : value);
}

/** To a general register or memory. The store may fault, so memory is checked before the x87 state changes. */
function store(m: Lowering): void {
  if (m.isMemory(0)) {
    m.system("fpuWait");
    m.system("checkWrite", m.linearAddress(0), i32.const(m.operandSize(0) / 8));
  }
  enterMmx(m);
  m.write(0, m.read(1, m.operandSize(0)));
}

function storeOrMove(m: Lowering): void {
  if (m.isMemory(0)) return store(m);
  enterMmx(m);
  writeMmx(m, 0, m.read(1));
}

function moveFromVector(m: Lowering): void {
  enterMmx(m);
  writeMmx(m, 0, i64x2.extract(m.read(1, 128), 0));
}

function moveToVector(m: Lowering): void {
  enterMmx(m);
  m.write(0, fromI64(m.read(1)));
}

function signMask(m: Lowering): void {
  enterMmx(m);
  m.write(0, i32.and(i8x16.bitmask(readMmx(m, 1)), i32.const(0xff)));
}

/** MASKMOVQ: as MASKMOVDQU, with the eight bytes an MMX register has. The x87 state changes even when the store faults. */
function maskedMove(m: Lowering): void {
  enterMmx(m);
  const selected = m.let(i64.extend32U(i32.and(i8x16.bitmask(readMmx(m, 1)), i32.const(0xff))));
  m.system("storeMasked", selected, m.read(0), i64.const(0), i32.const(8));
}

export const MMX_MOVE = [
  instruction("movd", ["np 0f 6e Pq,Ey"], load),
  instruction("movd", ["np 0f 7e Ey,Pq"], store),
  instruction("movq", ["np 0f 6f Pq,Qq"], load),
  instruction("movq", ["np 0f 7f Qq,Pq"], storeOrMove),
  instruction("movntq", ["np 0f e7 Mq,Pq"], store),
  instruction("movdq2q", ["f2 0f d6 Pq,Ux"], moveFromVector),
  instruction("movq2dq", ["f3 0f d6 Vx,Nq"], moveToVector),
  instruction("pmovmskb", ["np 0f d7 Gd,Nq"], signMask),
  instruction("maskmovq", ["np 0f f7 Pq,Nq string"], maskedMove),
  instruction("emms", ["np 0f 77 fpu"], (m) => m.system("emms")),
];
