// Operands of MMX and SSE instructions. Legacy SSE wants its 128-bit memory operands aligned, with few exceptions; registers
// are always written whole, so that a later 128-bit read finds one store. SDM volume 1, §10 and §11.4.

import { type Expr, i32, i64 } from "../../encoder/expressions.ts";
import { CPU_XMM } from "../../layout.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";
import { mmxBinary } from "../mmx/state.ts";
import { bits, i32x4, i64x2, ZERO } from "./lanes.ts";

const GENERAL_PROTECTION = 13;

/** What an instruction does to two vectors. Both are bound. */
export type VectorOperation = (a: Expr, b: Expr, m: Lowering) => Expr;

/** Linear address of a memory operand, which must be a multiple of 16. */
export function alignedAddress(m: Lowering, operand: number): Expr {
  const address = m.linearAddress(operand);
  m.faultIf(i32.and(i32.wrap(address), i32.const(15)), GENERAL_PROTECTION);
  return address;
}

/** A 128-bit operand: a register, or aligned memory. */
export function readVector(m: Lowering, operand: number): Expr {
  return m.isMemory(operand) ? m.load(alignedAddress(m, operand), 128) : m.read(operand, 128);
}

/** A register, or less than 128 bits of memory, in the low lanes; what is above them is not defined. */
export function readLow(m: Lowering, operand: number): Expr {
  if (!m.isMemory(operand)) return m.read(operand, 128);
  const value = m.read(operand);
  return m.let(value.type === "i64" ? i64x2.splat(value) : i32x4.splat(value));
}

/** The low `laneBits` of `low` with the rest of `rest`. */
export function mergeLow(laneBits: 32 | 64, low: Expr, rest: Expr): Expr {
  const taken = laneBits / 8;
  return bits.shuffle(
    low,
    rest,
    Array.from({ length: 16 }, (_, i) => (i < taken ? i : 16 + i)),
  );
}

/** The low 64 bits, zero above. */
export function lowHalf(value: Expr): Expr {
  return i64x2.replace(value, 1, i64.const(0));
}

/** A vector register by number, for the few instructions with a fixed one. */
export function xmm(m: Lowering, register: number): Expr {
  return vectorField(m, CPU_XMM + register * 16);
}

export function setXmm(m: Lowering, register: number, value: Expr): void {
  const bound = m.let(value);
  m.setField(CPU_XMM + register * 16, i64x2.extract(bound, 0));
  m.setField(CPU_XMM + register * 16 + 8, i64x2.extract(bound, 1));
}

export function vectorField(m: Lowering, offset: number): Expr {
  return m.let(i64x2.replace(i64x2.splat(m.field(offset, "i64")), 1, m.field(offset + 8, "i64")));
}

export function fromI64(low: Expr, high?: Expr): Expr {
  return i64x2.replace(high ? i64x2.splat(low) : i64x2.replace(ZERO, 0, low), 1, high ?? i64.const(0));
}

/** Bit i of an i32 becomes all of lane i. `one` and `eq` belong to the lane's width, `selectors` holds 1 << i. */
export function maskOfBits(
  splat: (a: Expr) => Expr,
  eq: (a: Expr, b: Expr) => Expr,
  value: Expr,
  selectors: Expr,
): Expr {
  return eq(bits.and(splat(value), selectors), selectors);
}

/** V = operation(V, W). */
export const binary =
  (operation: VectorOperation) =>
  (m: Lowering): void => {
    const b = readVector(m, 1);
    m.write(0, operation(m.read(0), b, m));
  };

/** V = operation(W). */
export const unary =
  (operation: (a: Expr, m: Lowering) => Expr) =>
  (m: Lowering): void =>
    m.write(0, operation(readVector(m, 1), m));

/** `66 0f …` on vector registers. */
export function vectorOnly(mnemonic: string, opcode: string, operation: VectorOperation): Instruction {
  return instruction(mnemonic, [`66 0f ${opcode} Vx,Wx`], binary(operation));
}

/** The pair of an MMX instruction and its `66 0f …` twin; `mmx` where halves meet differently in 64 bits. */
export function vectorAndMmx(
  mnemonic: string,
  opcode: string,
  operation: VectorOperation,
  mmx: VectorOperation = operation,
): Instruction {
  const wide = binary(operation);
  const narrow = mmxBinary(mmx);
  return instruction(mnemonic, [`66 0f ${opcode} Vx,Wx`, `np 0f ${opcode} Pq,Qq`], (m) =>
    m.operandSize(0) === 64 ? narrow(m) : wide(m),
  );
}
