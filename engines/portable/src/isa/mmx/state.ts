// MMX registers: the significands of the x87 registers. An MMX instruction makes all of them valid and puts TOP at 0, and a
// register it writes gets the exponent of a NaN. SDM volume 1, §9.5. Here a 64-bit operand is worked on in the low half of a
// v128, by the lane instructions SSE uses.

import { type Expr, i64 } from "../../encoder/expressions.ts";
import type { Lowering } from "../lowering.ts";
import { i64x2 } from "../sse/lanes.ts";

/** Pending x87 exceptions, then the change of the x87 state. Reads of memory come before it: they may fault. */
export function enterMmx(m: Lowering): void {
  m.system("enterMmx");
}

/** The operand's 64 bits in both halves of a vector; an exception pending on the x87 comes before faults of memory. A 32-bit memory operand is extended with zeros. */
export function readMmx(m: Lowering, operand: number): Expr {
  if (m.isMemory(operand)) m.system("fpuWait");
  const value = m.read(operand);
  return m.let(i64x2.splat(value.type === "i32" ? i64.extend32U(value) : value));
}

/** Writes the low half of a vector, or an i64. */
export function writeMmx(m: Lowering, operand: number, value: Expr): void {
  m.write(operand, value.type === "v128" ? i64x2.extract(value, 0) : value, 64);
  m.system("mmxWritten", m.slot(operand));
}

/** P = low half of operation(P, Q). */
export const mmxBinary =
  (operation: (a: Expr, b: Expr, m: Lowering) => Expr) =>
  (m: Lowering): void => {
    const b = readMmx(m, 1);
    enterMmx(m);
    writeMmx(m, 0, operation(readMmx(m, 0), b, m));
  };
