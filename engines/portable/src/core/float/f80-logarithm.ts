/*
 * FYL2X and FYL2XP1: y times the binary logarithm of x or of x + 1 (Intel SDM vol. 2). The significand is
 * brought near a 32nd, whose logarithm is in a table; the rest is the series of the inverse hyperbolic
 * tangent. FYL2XP1 works on its whole domain and returns x for x of -1 or below, where it is undefined.
 */

import { addUnpacked, resultExp, resultHi, resultLo, resultSign, setNormalised } from "./arith";
import { BIAS, faultsBefore, PE, TOP_BIT, UE, ZE } from "./bits";
import {
  denormalFlag,
  expOf,
  invalid,
  isDenormal,
  isNan,
  isUnsupported,
  normalExp,
  normalSig,
  propagate,
  seOf,
  sigOf,
  store80,
  storeRounded,
} from "./f80-format";
import { scaleUp, setQuotient, squareFraction } from "./f80-transcendental";
import { fractionLo, multiplyFraction } from "./fraction";
import { logarithmSeries } from "./series";
import { logarithmOf, tableLo } from "./tables";
import { shiftRightJam, wideLo } from "./wide";

/** 2 / ln 2 in units of 2^-126. */
const SCALE_HI: u64 = 0xb8aa3b295c17f0bb;
const SCALE_LO: u64 = 0xbe87fed0691d3e89;
/** The significand of the square root of two. */
const ROOT_TWO: u64 = 0xb504f333f9de6484;

/** The current result s becomes 2 / ln 2 * atanh(s), the binary logarithm of (1 + s) / (1 - s). */
function toLogarithm(): void {
  const square = squareFraction();
  const hi = logarithmSeries(square, wideLo);
  scaleUp(hi, fractionLo);
  const product = multiplyFraction(resultHi, resultLo, SCALE_HI, SCALE_LO);
  setNormalised(resultSign, resultExp + 2, product, fractionLo);
}

/** The current result becomes (32 m - index * one) / (32 m + index * one), m and one in the same units. */
function setRatio(mHi: u64, mLo: u64, oneHi: u64, index: u64): void {
  const aHi = (mHi << 5) | (mLo >> 59);
  const aLo = mLo << 5;
  const bHi = oneHi * index;
  setNormalised(0, BIAS, aHi + bHi, aLo);
  const exp = resultExp;
  const hi = resultHi;
  const lo = resultLo;
  const negative = aHi < bHi;
  setNormalised(u32(negative), BIAS, negative ? bHi - aHi - u64(aLo != 0) : aHi - bHi, negative ? 0 - aLo : aLo);
  if (resultHi != 0) setQuotient(resultSign, resultExp, resultHi, resultLo, exp, hi, lo);
}

/** The current result L becomes whole + |log2(index / 32)| with the sign it has + L. */
function addParts(whole: i32, index: i32): void {
  // In units of 2^-112, two's complement.
  const distance = BIAS + 15 - resultExp;
  let hi: u64 = 0;
  let lo: u64 = 0;
  if (resultHi != 0) {
    hi = shiftRightJam(resultHi, resultLo, distance > 128 ? 128 : (distance as u32));
    lo = wideLo;
  }
  if (resultSign != 0) {
    hi = ~hi + u64(lo == 0);
    lo = 0 - lo;
  }
  const table = logarithmOf(index);
  const partLo = (table << 48) | (tableLo >> 16);
  const partHi = table >> 16;
  if (index < 32) {
    hi = hi - partHi - u64(lo < partLo);
    lo -= partLo;
  } else {
    lo += partLo;
    hi = hi + partHi + u64(lo < partLo);
  }
  hi += (whole as i64 as u64) << 48;
  const negative = (hi as i64) < 0;
  setNormalised(u32(negative), BIAS + 15, negative ? ~hi + u64(lo == 0) : hi, negative ? 0 - lo : lo);
}

/** The binary logarithm of a positive number other than one becomes the current result. True when exact. */
function setLogarithm(exp: i32, hi: u64, lo: u64): bool {
  const large = hi >= ROOT_TWO;
  const whole = exp - BIAS + i32(large);
  // The unit is 2^-119 for a significand below the root of two, 2^-120 for its half from there on.
  const index = ((hi >> (large ? 58 : 57)) + 1) >> 1;
  const mHi = hi >> 8;
  const mLo = (hi << 56) | (lo >> 8);
  setRatio(mHi, mLo, (1 as u64) << (large ? 56 : 55), index);
  const onPoint = resultHi == 0;
  if (!onPoint) toLogarithm();
  if (whole != 0 || index != 32) addParts(whole, index as i32);
  return onPoint && index == 32;
}

/** The binary logarithm of 1 + x for a small x becomes the current result. */
function setLogarithmNear(sign: u32, exp: i32, sig: u64): void {
  const distance = BIAS + 1 - exp;
  const hi = shiftRightJam(sig, 0, distance > 128 ? 128 : (distance as u32));
  const lo = wideLo;
  // Two plus x in units of 2^-126.
  const sumHi = sign == 0 ? TOP_BIT + hi : TOP_BIT - hi - u64(lo != 0);
  setNormalised(0, BIAS + 1, sumHi, sign == 0 ? lo : 0 - lo);
  setQuotient(sign, exp, sig, 0, resultExp, resultHi, resultLo);
  toLogarithm();
}

/** Stores y times the current result. */
function storeProduct(dst: usize, ySe: u32, ySig: u64, exact: bool, flags: u32, fcw: u32): u32 {
  const exp = resultExp + normalExp(ySe, ySig) - BIAS + 1;
  const hi = multiplyFraction(resultHi, resultLo, normalSig(ySig), 0);
  setNormalised(resultSign ^ (ySe >> 15), exp, hi, exact ? fractionLo : fractionLo | 1);
  const more = storeRounded(dst, fcw, flags | PE, 0);
  // Even an exact denormal counts as inexact, and so as an underflow.
  return exact && isDenormal(seOf(dst), sigOf(dst)) ? more | UE : more;
}

/**
 * Stores the product of y and a logarithm known only to be zero, infinite or finite, when either is not
 * finite and nonzero. sign is the logarithm's.
 */
function storeLimit(dst: usize, ySe: u32, ySig: u64, sign: u32, infinite: bool, flags: u32, fcw: u32): u32 {
  const yInfinite = expOf(ySe) == 0x7fff;
  if (infinite && ySig == 0) return invalid(dst, fcw);
  if (faultsBefore(flags, fcw)) return flags;
  const signBit = (sign << 15) ^ (ySe & 0x8000);
  const large = infinite || yInfinite;
  store80(dst, large ? signBit | 0x7fff : signBit, large ? TOP_BIT : 0);
  return flags;
}

/** FYL2X of a zero x. */
function storeOfZero(dst: usize, ySe: u32, ySig: u64, fcw: u32): u32 {
  if (ySig == 0) return invalid(dst, fcw);
  const flags: u32 = expOf(ySe) == 0x7fff ? 0 : ZE;
  if (!faultsBefore(flags, fcw)) store80(dst, (ySe & 0x8000) ^ 0xffff, TOP_BIT);
  return flags;
}

/** Either operand is a NaN or unsupported. */
function isUnordered(aSe: u32, aSig: u64, bSe: u32, bSig: u64): bool {
  return isNan(aSe, aSig) || isNan(bSe, bSig) || isUnsupported(aSe, aSig) || isUnsupported(bSe, bSig);
}

/** dst = y * log2(x) (FYL2X: y = ST(1), x = ST(0); the result replaces ST(1), then ST(0) is popped). */
export function f80_logarithm(dst: usize, y: usize, x: usize, fcw: u32): u32 {
  const ySe = seOf(y);
  const xSe = seOf(x);
  const ySig = sigOf(y);
  const xSig = sigOf(x);
  if (isUnordered(ySe, ySig, xSe, xSig)) return propagate(dst, x, y, fcw);
  if (xSig == 0) return storeOfZero(dst, ySe, ySig, fcw);
  if ((xSe & 0x8000) != 0) return invalid(dst, fcw);
  const flags = denormalFlag(ySe, ySig, xSe, xSig, 0);
  const yInfinite = expOf(ySe) == 0x7fff;
  const one = xSe == (BIAS as u32) && xSig == TOP_BIT;
  if (one && yInfinite) return invalid(dst, fcw);
  if (expOf(xSe) == 0x7fff) return storeLimit(dst, ySe, ySig, 0, true, flags, fcw);
  if (one || yInfinite || ySig == 0) {
    const sign = u32(expOf(xSe) < BIAS);
    return storeLimit(dst, ySe, ySig, sign, false, flags, fcw);
  }
  if (faultsBefore(flags, fcw)) return flags;
  const exact = setLogarithm(normalExp(xSe, xSig), normalSig(xSig), 0);
  return storeProduct(dst, ySe, ySig, exact, flags, fcw);
}

/** dst = y * log2(x + 1) (FYL2XP1, operands as for FYL2X). */
export function f80_logarithm_plus_one(dst: usize, y: usize, x: usize, fcw: u32): u32 {
  const ySe = seOf(y);
  const xSe = seOf(x);
  const ySig = sigOf(y);
  const xSig = sigOf(x);
  if (isUnordered(ySe, ySig, xSe, xSig)) return propagate(dst, x, y, fcw);
  const flags = denormalFlag(ySe, ySig, xSe, xSig, 0);
  const yInfinite = expOf(ySe) == 0x7fff;
  const sign = xSe >> 15;
  const infinite = expOf(xSe) == 0x7fff;
  if ((infinite && sign != 0) || (xSig == 0 && yInfinite)) return invalid(dst, fcw);
  if (infinite || yInfinite || xSig == 0 || ySig == 0) {
    return storeLimit(dst, ySe, ySig, sign, infinite, flags, fcw);
  }
  if (faultsBefore(flags, fcw)) return flags;
  const exp = normalExp(xSe, xSig);
  const sig = normalSig(xSig);
  if (sign != 0 && exp >= BIAS) {
    store80(dst, xSe, xSig);
    return flags | PE;
  }
  let exact = false;
  if (exp < BIAS - 6) {
    setLogarithmNear(sign, exp, sig);
  } else {
    addUnpacked(0, BIAS, TOP_BIT, sign, exp, sig, 0);
    exact = setLogarithm(resultExp, resultHi, resultLo);
  }
  return storeProduct(dst, ySe, ySig, exact, flags, fcw);
}
