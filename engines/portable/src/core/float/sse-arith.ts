/*
 * ADD, SUB, MUL, DIV, SQRT of SSE and SSE2 for one lane (Intel SDM vol. 1, §11.5.2): what the inline fast
 * path cannot do, or does without flags. Every function raises into floatFlags.
 */

import {
  addUnpacked,
  divideUnpacked,
  multiplyUnpacked,
  rootUnpacked,
} from "./arith";
import { ZE } from "./bits";
import {
  denormalFaults,
  infinityBits,
  invalidBits,
  isNanBits,
  modeOf,
  operand,
  packResult,
  propagateBits,
  raise,
  signOf,
  SPECIAL,
  unpack,
  unpackedExp,
  unpackedSig,
  withSign,
} from "./sse-format";

function addBits(aRaw: u64, bRaw: u64, flip: u32, mxcsr: u32, wide: bool): u64 {
  const a = operand(aRaw, mxcsr, wide);
  const b = operand(bRaw, mxcsr, wide);
  if (isNanBits(a, wide) || isNanBits(b, wide)) return propagateBits(a, b, wide);
  const aSign = signOf(a, wide);
  const bSign = signOf(b, wide) ^ flip;
  unpack(a, wide);
  const aExp = unpackedExp;
  const aSig = unpackedSig;
  unpack(b, wide);
  if (aExp == SPECIAL) {
    if (unpackedExp == SPECIAL && aSign != bSign) return invalidBits(wide);
    denormalFaults(a, b, mxcsr, wide);
    return a;
  }
  if (denormalFaults(a, b, mxcsr, wide)) return a;
  if (unpackedExp == SPECIAL) return withSign(bSign, infinityBits(wide), wide);
  addUnpacked(aSign, aExp, aSig, bSign, unpackedExp, unpackedSig, modeOf(mxcsr));
  return packResult(mxcsr, wide);
}

function multiplyBits(aRaw: u64, bRaw: u64, mxcsr: u32, wide: bool): u64 {
  const a = operand(aRaw, mxcsr, wide);
  const b = operand(bRaw, mxcsr, wide);
  if (isNanBits(a, wide) || isNanBits(b, wide)) return propagateBits(a, b, wide);
  const sign = signOf(a, wide) ^ signOf(b, wide);
  unpack(a, wide);
  const aExp = unpackedExp;
  const aSig = unpackedSig;
  unpack(b, wide);
  const infinite = aExp == SPECIAL || unpackedExp == SPECIAL;
  const zero = aSig == 0 || unpackedSig == 0;
  if (infinite && zero) return invalidBits(wide);
  if (denormalFaults(a, b, mxcsr, wide)) return a;
  if (infinite) return withSign(sign, infinityBits(wide), wide);
  if (zero) return withSign(sign, 0, wide);
  multiplyUnpacked(sign, aExp, aSig, unpackedExp, unpackedSig);
  return packResult(mxcsr, wide);
}

function divideBits(aRaw: u64, bRaw: u64, mxcsr: u32, wide: bool): u64 {
  const a = operand(aRaw, mxcsr, wide);
  const b = operand(bRaw, mxcsr, wide);
  if (isNanBits(a, wide) || isNanBits(b, wide)) return propagateBits(a, b, wide);
  const sign = signOf(a, wide) ^ signOf(b, wide);
  unpack(a, wide);
  const aExp = unpackedExp;
  const aSig = unpackedSig;
  unpack(b, wide);
  const bothInfinite = aExp == SPECIAL && unpackedExp == SPECIAL;
  if (bothInfinite || (aSig == 0 && unpackedSig == 0)) return invalidBits(wide);
  if (unpackedSig == 0 && aExp != SPECIAL) {
    raise(ZE);
    return withSign(sign, infinityBits(wide), wide);
  }
  if (denormalFaults(a, b, mxcsr, wide)) return a;
  if (aExp == SPECIAL) return withSign(sign, infinityBits(wide), wide);
  if (unpackedExp == SPECIAL || aSig == 0) return withSign(sign, 0, wide);
  divideUnpacked(sign, aExp, aSig, unpackedExp, unpackedSig);
  return packResult(mxcsr, wide);
}

function rootBits(aRaw: u64, mxcsr: u32, wide: bool): u64 {
  const a = operand(aRaw, mxcsr, wide);
  if (isNanBits(a, wide)) return propagateBits(a, a, wide);
  unpack(a, wide);
  if (unpackedSig == 0) return a;
  if (signOf(a, wide) != 0) return invalidBits(wide);
  if (unpackedExp == SPECIAL) return a;
  if (denormalFaults(a, a, mxcsr, wide)) return a;
  rootUnpacked(unpackedExp, unpackedSig);
  return packResult(mxcsr, wide);
}

/** ADDSD, one lane of ADDPD. */
export function f64_add(a: u64, b: u64, mxcsr: u32): u64 {
  return addBits(a, b, 0, mxcsr, true);
}

/** SUBSD, one lane of SUBPD. */
export function f64_sub(a: u64, b: u64, mxcsr: u32): u64 {
  return addBits(a, b, 1, mxcsr, true);
}

/** MULSD, one lane of MULPD. */
export function f64_mul(a: u64, b: u64, mxcsr: u32): u64 {
  return multiplyBits(a, b, mxcsr, true);
}

/** DIVSD, one lane of DIVPD. */
export function f64_div(a: u64, b: u64, mxcsr: u32): u64 {
  return divideBits(a, b, mxcsr, true);
}

/** SQRTSD, one lane of SQRTPD. */
export function f64_sqrt(a: u64, mxcsr: u32): u64 {
  return rootBits(a, mxcsr, true);
}

/** ADDSS, one lane of ADDPS. */
export function f32_add(a: u32, b: u32, mxcsr: u32): u32 {
  return addBits(a as u64, b as u64, 0, mxcsr, false) as u32;
}

/** SUBSS, one lane of SUBPS. */
export function f32_sub(a: u32, b: u32, mxcsr: u32): u32 {
  return addBits(a as u64, b as u64, 1, mxcsr, false) as u32;
}

/** MULSS, one lane of MULPS. */
export function f32_mul(a: u32, b: u32, mxcsr: u32): u32 {
  return multiplyBits(a as u64, b as u64, mxcsr, false) as u32;
}

/** DIVSS, one lane of DIVPS. */
export function f32_div(a: u32, b: u32, mxcsr: u32): u32 {
  return divideBits(a as u64, b as u64, mxcsr, false) as u32;
}

/** SQRTSS, one lane of SQRTPS. */
export function f32_sqrt(a: u32, mxcsr: u32): u32 {
  return rootBits(a as u64, mxcsr, false) as u32;
}
