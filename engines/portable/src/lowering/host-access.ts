// Loads and stores at an offset in the machine's memory, by operand size, and the place of a TLB entry.

import type { Code } from "../encoder/bytes.ts";
import { type Expr, i32, i64, v128 } from "../encoder/expressions.ts";
import type { Size } from "../isa/lowering.ts";
import { TLB_BITS, TLB_ENTRY_BITS } from "../layout.ts";

/** Narrow values are zero-extended to i32. */
export function loadHost(address: Expr, offset: number, bits: Size): Expr {
  if (bits === 8) return i32.load8U(address, offset);
  if (bits === 16) return i32.load16U(address, offset);
  if (bits === 32) return i32.load(address, offset);
  return bits === 64 ? i64.load(address, offset) : v128.load(address, offset);
}

export function storeHost(address: Expr, offset: number, bits: Size, value: Expr): Code {
  if (bits === 8) return i32.store8(address, offset, value);
  if (bits === 16) return i32.store16(address, offset, value);
  if (bits === 32) return i32.store(address, offset, value);
  return bits === 64 ? i64.store(address, offset, value) : v128.store(address, offset, value);
}

/** Address of the entry for linear address `va` in the bank at `tlb`. */
export function tlbEntry(tlb: Expr, va: Expr): Expr {
  const shifted = i32.wrap(i64.shrU(va, i64.const(12 - TLB_ENTRY_BITS)));
  return i32.add(tlb, i32.and(shifted, i32.const(((1 << TLB_BITS) - 1) << TLB_ENTRY_BITS)));
}
