// Integer arithmetic WebAssembly has no instruction for: 128÷64 division, decimal adjustments.

import { CPU_GPR } from "../../layout";
import { getFlags, setArithmeticFlags } from "../flags";
import { gpr, NEXT, raiseAt, RAX, RDX, setGpr, VECTOR_DE } from "../state";

let remainder: u64 = 0;

/** Quotient of high:low ÷ d where high < d; leaves `remainder`. Knuth's algorithm D with two 32-bit digits. */
function divideWide(high: u64, low: u64, d: u64): u64 {
  if (high == 0) {
    remainder = low % d;
    return low / d;
  }
  const shift = clz<u64>(d);
  const v = d << shift;
  const vHigh = v >> 32;
  const vLow = v & 0xffff_ffff;
  const u32s = shift == 0 ? high : (high << shift) | (low >> (64 - shift));
  const u10 = low << shift;
  const q1 = digit(u32s, u10 >> 32, v, vHigh, vLow);
  const u21 = (u32s << 32) + (u10 >> 32) - q1 * v;
  const q0 = digit(u21, u10 & 0xffff_ffff, v, vHigh, vLow);
  remainder = ((u21 << 32) + (u10 & 0xffff_ffff) - q0 * v) >> shift;
  return (q1 << 32) + q0;
}

/** One 32-bit digit of the quotient. */
function digit(u: u64, next: u64, _v: u64, vHigh: u64, vLow: u64): u64 {
  let q = u / vHigh;
  let r = u - q * vHigh;
  while (q >= 0x1_0000_0000 || q * vLow > ((r << 32) | next)) {
    q--;
    r += vHigh;
    if (r >= 0x1_0000_0000) break;
  }
  return q;
}

export function divide128U(cpu: usize, uop: usize, d: u64): u32 {
  const high = gpr(cpu, RDX);
  if (d == 0 || high >= d) return raiseAt(cpu, uop, VECTOR_DE, 0);
  const q = divideWide(high, gpr(cpu, RAX), d);
  setGpr(cpu, RAX, q);
  setGpr(cpu, RDX, remainder);
  return NEXT;
}

export function divide128S(cpu: usize, uop: usize, divisor: u64): u32 {
  let high = gpr(cpu, RDX);
  let low = gpr(cpu, RAX);
  const negative = <i64>high < 0;
  if (negative) {
    low = -low;
    high = ~high + (low == 0 ? 1 : 0);
  }
  const negativeDivisor = <i64>divisor < 0;
  const d = negativeDivisor ? -divisor : divisor;
  if (d == 0 || high >= d) return raiseAt(cpu, uop, VECTOR_DE, 0);
  const q = divideWide(high, low, d);
  const negativeQuotient = negative != negativeDivisor;
  const limit: u64 = (<u64>1) << 63;
  if (negativeQuotient ? q > limit : q >= limit) return raiseAt(cpu, uop, VECTOR_DE, 0);
  setGpr(cpu, RAX, negativeQuotient ? -q : q);
  setGpr(cpu, RDX, negative ? -remainder : remainder);
  return NEXT;
}

function al(cpu: usize): u32 {
  return load<u8>(cpu, CPU_GPR);
}

/** PF, ZF and SF of a byte joined with the given CF (1) and AF (0x10). */
function setDecimalFlags(cpu: usize, value: u32, others: u32): void {
  let flags = others;
  if ((popcnt<u32>(value & 0xff) & 1) == 0) flags |= 4;
  if ((value & 0xff) == 0) flags |= 0x40;
  if ((value & 0x80) != 0) flags |= 0x80;
  setArithmeticFlags(cpu, flags);
}

/** DAA (0) and DAS (1). */
export function decimalAdjust(cpu: usize, _uop: usize, subtract: u32): u32 {
  const flags = getFlags(cpu);
  const old = al(cpu);
  let value = old;
  let out: u32 = 0;
  if ((old & 15) > 9 || (flags & 0x10) != 0) {
    value = subtract != 0 ? value - 6 : value + 6;
    out = 0x10 | (flags & 1) | (subtract != 0 ? (old < 6 ? 1 : 0) : (value >> 8) & 1);
  }
  if (old > 0x99 || (flags & 1) != 0) {
    value = subtract != 0 ? value - 0x60 : value + 0x60;
    out |= 1;
  } else if (subtract == 0) out &= ~1;
  store<u8>(cpu, <u8>value, CPU_GPR);
  setDecimalFlags(cpu, value, out);
  return NEXT;
}

/** AAA (0) and AAS (1). */
export function asciiAdjust(cpu: usize, _uop: usize, subtract: u32): u32 {
  const adjust = (al(cpu) & 15) > 9 || (getFlags(cpu) & 0x10) != 0;
  let ax = <u32>load<u16>(cpu, CPU_GPR);
  if (adjust) ax = subtract != 0 ? ax - 0x106 : ax + 0x106;
  store<u16>(cpu, <u16>(ax & 0xff0f), CPU_GPR);
  setDecimalFlags(cpu, ax & 15, adjust ? 0x11 : 0);
  return NEXT;
}

export function asciiMultiply(cpu: usize, uop: usize, base: u32): u32 {
  if (base == 0) return raiseAt(cpu, uop, VECTOR_DE, 0);
  const value = al(cpu);
  store<u16>(cpu, <u16>(((value / base) << 8) | (value % base)), CPU_GPR);
  setDecimalFlags(cpu, value % base, 0);
  return NEXT;
}

export function asciiDivide(cpu: usize, _uop: usize, base: u32): u32 {
  const ax = <u32>load<u16>(cpu, CPU_GPR);
  const value = ((ax & 0xff) + (ax >> 8) * base) & 0xff;
  store<u16>(cpu, <u16>value, CPU_GPR);
  setDecimalFlags(cpu, value, 0);
  return NEXT;
}
