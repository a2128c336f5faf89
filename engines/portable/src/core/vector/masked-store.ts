// MASKMOVDQU and MASKMOVQ: the bytes an instruction chose, stored at rDI. SDM volume 2.

import { CPU_GPR, UOP_ADDRESS_SHIFT, UOP_LINEAR_SHIFT, UOP_SEGMENT } from "../../layout";
import { probeWrite, writeMemory } from "../mmu/access";
import { FAULT, NEXT, RDI } from "../state";

/**
 * Stores byte i of high:low for every bit i of `selected`, out of `bytes`. The whole operand must be writable whatever is
 * selected: processors differ in this, and the one the tests run on does so.
 */
export function storeMasked(cpu: usize, uop: usize, selected: u64, low: u64, high: u64, bytes: u32): u32 {
  const offset = load<u64>(cpu, CPU_GPR + RDI * 8) & (~(<u64>0) >> load<u8>(uop, UOP_ADDRESS_SHIFT));
  const linearMask = ~(<u64>0) >> load<u8>(uop, UOP_LINEAR_SHIFT);
  const base = (offset + load<u64>(cpu + load<u16>(uop, UOP_SEGMENT))) & linearMask;
  if (!probeWrite(cpu, base, bytes)) return FAULT;
  for (let i: u64 = 0; i < bytes; i++) {
    if (((selected >> i) & 1) == 0) continue;
    const byte = ((i < 8 ? low : high) >> ((i & 7) << 3)) & 0xff;
    if (!writeMemory(cpu, (base + i) & linearMask, 1, byte)) return FAULT;
  }
  return NEXT;
}
