// MASKMOVDQU and MASKMOVQ: the bytes an instruction chose, stored at rDI. SDM volume 2.

import { CPU_GPR, UOP_ADDRESS_SHIFT, UOP_LINEAR_SHIFT, UOP_SEGMENT } from "../layout";
import { probeWrite, writeMemory } from "./memory";
import { FAULT, NEXT, RDI } from "./state";

/** Stores byte i of high:low for every bit i of `selected`; nothing when one of them faults. */
export function storeMasked(cpu: usize, uop: usize, selected: u64, low: u64, high: u64): u32 {
  const offset = load<u64>(cpu, CPU_GPR + RDI * 8) & (~(<u64>0) >> load<u8>(uop, UOP_ADDRESS_SHIFT));
  const linearMask = ~(<u64>0) >> load<u8>(uop, UOP_LINEAR_SHIFT);
  const base = offset + load<u64>(cpu + load<u16>(uop, UOP_SEGMENT));
  for (let pass = 0; pass < 2; pass++) {
    for (let i: u64 = 0; i < 16; i++) {
      if ((selected >> i) & 1) {
        const address = (base + i) & linearMask;
        const byte = ((i < 8 ? low : high) >> ((i & 7) << 3)) & 0xff;
        if (pass == 0 ? !probeWrite(cpu, address, 1) : !writeMemory(cpu, address, 1, byte)) return FAULT;
      }
    }
  }
  return NEXT;
}
