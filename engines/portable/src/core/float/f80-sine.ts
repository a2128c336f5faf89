/*
 * FSIN, FCOS, FSINCOS and FPTAN. The argument is reduced, exactly, by pi rounded down to 66 bits, as the
 * hardware does (Intel SDM vol. 1, §8.3.8): near multiples of the true pi the results are those of x86, not
 * of mathematics. An argument of 2^63 or more is left alone with C2 set.
 */

import { resultExp, resultHi, resultLo, resultSign, setNormalised } from "./arith";
import { BIAS, C1, C2, DE, faultsBefore } from "./bits";
import {
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
} from "./f80-format";
import { f80_load_one } from "./f80-constant";
import { scaleDown, setQuotient, squareFraction, storeInexact } from "./f80-transcendental";
import { fractionLo } from "./fraction";
import { cosineSeries, sineSeries } from "./series";
import { wideLo } from "./wide";

/** 66-bit pi / 2 in units of 2^-65: this and three times 2^64. */
const HALF_PI_LO: u64 = 0x243f6a8885a308d3;
/** The largest significand of exponent -1 not above pi / 4. */
const QUARTER_PI: u64 = 0xc90fdaa22168c234;

/** Quotient of the last reduction, modulo four. */
let quadrant: u32 = 0;

/** Reduces a positive number below 2^63 to at most pi / 4 in magnitude, left as the current result. */
function reduce(exp: i32, sig: u64): void {
  quadrant = 0;
  if (exp < BIAS - 1 || (exp == BIAS - 1 && sig <= QUARTER_PI)) {
    setNormalised(0, exp, sig, 0);
    return;
  }
  let hi: u64 = 0;
  let lo = sig;
  for (let left = exp - BIAS + 2; left > 0; left--) {
    hi = (hi << 1) | (lo >> 63);
    lo <<= 1;
    quadrant <<= 1;
    if (hi > 3 || (hi == 3 && lo >= HALF_PI_LO)) {
      hi = hi - 3 - u64(lo < HALF_PI_LO);
      lo -= HALF_PI_LO;
      quadrant |= 1;
    }
  }
  // Half of the odd divisor rounded down: above it the next multiple is nearer.
  const above = hi > 1 || (hi == 1 && lo > ((HALF_PI_LO >> 1) | 0x8000000000000000));
  if (above) {
    hi = 3 - hi - u64(HALF_PI_LO < lo);
    lo = HALF_PI_LO - lo;
    quadrant++;
  }
  setNormalised(u32(above), BIAS + 62, hi, lo);
}

/** The current result, a reduced angle, becomes its sine. */
function toSine(): void {
  const square = squareFraction();
  const hi = sineSeries(square, wideLo);
  scaleDown(hi, fractionLo);
}

/** The current result, a reduced angle, becomes its cosine. */
function toCosine(): void {
  const square = squareFraction();
  const hi = cosineSeries(square, wideLo);
  setNormalised(0, BIAS - 1, ~hi, ~fractionLo);
}

/** The sine (turn 0) or cosine (turn 1) of an angle with the given sign becomes the current result. */
function evaluate(sign: u32, exp: i32, sig: u64, turn: u32): void {
  reduce(exp, sig);
  const phase = quadrant + turn;
  if ((phase & 1) == 0) toSine();
  else toCosine();
  const flip = (turn == 0 ? sign : 0) ^ ((phase >> 1) & 1);
  setNormalised(resultSign ^ flip, resultExp, resultHi, resultLo);
}

function isZero(a: usize): bool {
  return sigOf(a) == 0 && expOf(seOf(a)) == 0;
}

/** True when an argument needs none of the series. */
function isTrivial(a: usize): bool {
  const se = seOf(a);
  const sig = sigOf(a);
  return sig == 0 || expOf(se) >= BIAS + 63 || isUnsupported(se, sig);
}

/** Handles NaNs, infinities, unsupported encodings and large arguments. Zero is left to the caller. */
function storeSpecial(dst: usize, a: usize, fcw: u32): u32 {
  const se = seOf(a);
  const sig = sigOf(a);
  if (isNan(se, sig) || isUnsupported(se, sig)) return propagate(dst, a, a, fcw);
  if (expOf(se) == 0x7fff) return invalid(dst, fcw);
  store80(dst, se, sig);
  return sig == 0 ? 0 : C2;
}

function denormalOf(a: usize): u32 {
  return isDenormal(seOf(a), sigOf(a)) ? DE : 0;
}

/** One function of a nontrivial argument. */
function storeTurned(dst: usize, a: usize, turn: u32, fcw: u32): u32 {
  const se = seOf(a);
  const sig = sigOf(a);
  const flags = denormalOf(a);
  if (faultsBefore(flags, fcw)) return flags;
  evaluate(se >> 15, normalExp(se, sig), normalSig(sig), turn);
  return storeInexact(dst, fcw, flags);
}

/** dst = sine of a (FSIN). */
export function f80_sine(dst: usize, a: usize, fcw: u32): u32 {
  return isTrivial(a) ? storeSpecial(dst, a, fcw) : storeTurned(dst, a, 0, fcw);
}

/** dst = cosine of a (FCOS). */
export function f80_cosine(dst: usize, a: usize, fcw: u32): u32 {
  if (!isTrivial(a)) return storeTurned(dst, a, 1, fcw);
  const flags = storeSpecial(dst, a, fcw);
  if (isZero(a)) f80_load_one(dst);
  return flags;
}

/**
 * sine and cosine of a (FSINCOS): the sine replaces ST(0), then the cosine is pushed, unless C2 is set or an
 * unmasked exception kept the results from being stored. Neither destination may be a.
 */
export function f80_sine_cosine(sine: usize, cosine: usize, a: usize, fcw: u32): u32 {
  if (isTrivial(a)) {
    const flags = f80_sine(sine, a, fcw);
    f80_cosine(cosine, a, fcw);
    return flags;
  }
  const flags = storeTurned(sine, a, 0, fcw);
  return flags | (storeTurned(cosine, a, 1, fcw) & ~C1);
}

/**
 * Tangent of a (FPTAN): the tangent replaces ST(0), then `one` (1.0, or the NaN) is pushed, on the same terms
 * as FSINCOS. Neither destination may be a.
 */
export function f80_tangent(tangent: usize, one: usize, a: usize, fcw: u32): u32 {
  if (isTrivial(a)) {
    const flags = f80_sine(tangent, a, fcw);
    f80_sine(one, a, fcw);
    if (isZero(a)) f80_load_one(one);
    return flags;
  }
  const se = seOf(a);
  const sig = sigOf(a);
  const flags = denormalOf(a);
  if (faultsBefore(flags, fcw)) return flags;
  f80_load_one(one);
  if (normalExp(se, sig) < BIAS - 32) {
    // The tangent exceeds the angle by less than half a unit of the last place.
    setNormalised(se >> 15, normalExp(se, sig), normalSig(sig), 1);
    return storeInexact(tangent, fcw, flags);
  }
  evaluate(0, normalExp(se, sig), normalSig(sig), 1);
  const sign = resultSign ^ (se >> 15);
  const exp = resultExp;
  const hi = resultHi;
  const lo = resultLo;
  evaluate(0, normalExp(se, sig), normalSig(sig), 0);
  setQuotient(resultSign ^ sign, resultExp, resultHi, resultLo, exp, hi, lo);
  return storeInexact(tangent, fcw, flags);
}
