/*
 * Rounding of an exact (or sticky) 128-bit significand to one of the formats: IEEE 754-2008 §4.3 and §7,
 * with what x86 adds: tininess is detected after rounding, x87 reports the direction in C1, precision
 * control narrows the significand but not the exponent. Unmasked results are left unwrapped.
 */

import { C1, DOWN, NEAREST, OE, PE, TOP_BIT, UE, UP } from "./bits";
import { shiftRightJam, wideLo } from "./wide";

/** Significand after rounding: bit 63 set for a normal number, clear for a denormal or zero. */
export let roundedSig: u64 = 0;
/** Biased exponent after rounding; emin for denormals, emax + 1 for infinity. */
export let roundedExp: i32 = 0;

/** Bit of a masks argument: flush tiny results to zero (MXCSR.FZ, at its own place). */
export const FLUSH_TINY: u32 = 0x8000;

/** 1 when the mode rounds a magnitude away from zero; rest is the discarded part as a fraction of 2^64. */
export function roundsAway(sign: u32, odd: bool, rest: u64, rounding: u32): bool {
  if (rounding == NEAREST) return rest > TOP_BIT || (rest == TOP_BIT && odd);
  if (rounding == DOWN) return sign != 0 && rest != 0;
  if (rounding == UP) return sign == 0 && rest != 0;
  return false;
}

/**
 * Rounds hi:lo, whose integer bit is bit 127, after dropping the low `drop` bits (< 64) of hi.
 * Adds the carry to the exponent. Returns PE and C1; the result is in roundedSig and roundedExp.
 */
function roundSignificand(sign: u32, exp: i32, hi: u64, lo: u64, drop: u32, rounding: u32): u32 {
  let rest = lo;
  let kept = hi;
  let unit: u64 = 1;
  if (drop != 0) {
    unit = (1 as u64) << drop;
    kept = hi & ~(unit - 1);
    rest = (hi << (64 - drop)) | u64(lo != 0);
  }
  roundedSig = kept;
  roundedExp = exp;
  if (rest == 0) return 0;
  if (!roundsAway(sign, (kept & unit) != 0, rest, rounding)) return PE;
  roundedSig = kept + unit;
  if (roundedSig == 0) {
    roundedSig = TOP_BIT;
    roundedExp = exp + 1;
  }
  return PE | C1;
}

/** The masked response to overflow: infinity or the largest number, by rounding mode. */
function overflow(sign: u32, drop: u32, rounding: u32, emax: i32): u32 {
  const toInfinity = rounding == NEAREST || rounding == (sign != 0 ? DOWN : UP);
  if (toInfinity) {
    roundedSig = TOP_BIT;
    roundedExp = emax + 1;
    return OE | PE | C1;
  }
  roundedSig = u64.MAX_VALUE << drop;
  roundedExp = emax;
  return OE | PE;
}

/** The response to a tiny result; exp may be far below emin. */
function underflow(
  sign: u32,
  exp: i32,
  hi: u64,
  lo: u64,
  drop: u32,
  rounding: u32,
  emin: i32,
  masks: u32,
  flags: u32,
): u32 {
  if ((masks & UE) == 0) return flags | UE;
  if ((masks & FLUSH_TINY) != 0) {
    roundedSig = 0;
    roundedExp = emin;
    return UE | PE;
  }
  const shifted = shiftRightJam(hi, lo, (emin - exp) as u32);
  const result = roundSignificand(sign, emin, shifted, wideLo, drop, rounding);
  return (result & PE) != 0 ? result | UE : result;
}

/**
 * Rounds a nonzero normalised number (bit 63 of hi set) to a format with `64 - drop` significand bits and
 * normal exponents emin..emax. masks holds the exception masks in flag order (set = masked), and FLUSH_TINY.
 * Returns flags with C1. With an unmasked OE or UE the exponent is left out of range for the caller.
 */
export function roundFinite(
  sign: u32,
  exp: i32,
  hi: u64,
  lo: u64,
  drop: u32,
  rounding: u32,
  emin: i32,
  emax: i32,
  masks: u32,
): u32 {
  const flags = roundSignificand(sign, exp, hi, lo, drop, rounding);
  if (roundedExp < emin) return underflow(sign, exp, hi, lo, drop, rounding, emin, masks, flags);
  if (roundedExp > emax) return (masks & OE) == 0 ? flags | OE : overflow(sign, drop, rounding, emax);
  return flags;
}
