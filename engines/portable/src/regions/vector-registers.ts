// Parts of the vector registers, which a region holds in v128 locals, by their offset in the vCPU's area.

import type { Code } from "../encoder/bytes.ts";
import { type Expr, v128, type ValueType } from "../encoder/expressions.ts";
import type { Size } from "../isa/lowering.ts";
import { CPU_XMM } from "../layout.ts";
import type { RegionState } from "./region-state.ts";

const XMM_BYTES = 16 * 16;

/** Opcodes of the lane instructions (specification §5.4.9); narrow lanes are read zero-extended. */
const LANES: Readonly<Record<8 | 16 | 32 | 64, { extract: number; replace: number; type: ValueType }>> = {
  8: { extract: 0x16, replace: 0x17, type: "i32" },
  16: { extract: 0x19, replace: 0x1a, type: "i32" },
  32: { extract: 0x1b, replace: 0x1c, type: "i32" },
  64: { extract: 0x1d, replace: 0x1e, type: "i64" },
};

export function isVector(offset: number): boolean {
  return offset >= CPU_XMM && offset < CPU_XMM + XMM_BYTES;
}

export function readVectorPart(state: RegionState, offset: number, bits: Size): Expr {
  const whole = state.vector(registerOf(offset));
  if (bits === 128) return whole;
  const { extract, type } = LANES[bits];
  return v128.extractLane(extract, type, laneOf(offset, bits))(whole);
}

export function writeVectorPart(state: RegionState, offset: number, bits: Size, value: Expr): Code {
  const register = registerOf(offset);
  if (bits === 128) return state.setVector(register, value);
  const replace = v128.replaceLane(LANES[bits].replace, laneOf(offset, bits));
  return state.setVector(register, replace(state.vector(register), value));
}

const registerOf = (offset: number): number => offset - ((offset - CPU_XMM) % 16);
const laneOf = (offset: number, bits: number): number => ((offset - CPU_XMM) % 16) / (bits / 8);
