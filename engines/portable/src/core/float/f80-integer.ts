/*
 * Integers and the double extended format: FILD, FIST, FISTP, FISTTP, FRNDINT (Intel SDM vol. 1, §8.3.3
 * and §4.8.3.7). A number that does not fit, a NaN or an infinity stores the integer indefinite value.
 */

import { BIAS, C1, DE, faultsBefore, IE, PE, roundingOf, TRUNCATE } from "./bits";
import { expOf, isDenormal, isNan, isUnsupported, propagate, seOf, sigOf, store80 } from "./f80-format";
import { roundsAway } from "./round";

/** Flags left by integerPart: PE and C1. */
export let integerFlags: u32 = 0;

/** The magnitude of a finite number below 2^64, rounded to an integer. Leaves PE and C1 in integerFlags. */
export function integerPart(se: u32, sig: u64, rounding: u32): u64 {
  const e = expOf(se) - BIAS;
  let whole: u64 = 0;
  let rest: u64 = u64(sig != 0);
  if (e >= 63) {
    integerFlags = 0;
    return sig;
  }
  if (e >= 0) {
    whole = sig >> ((63 - e) as u64);
    rest = sig << ((e + 1) as u64);
  } else if (e == -1) {
    rest = sig;
  }
  integerFlags = 0;
  if (rest == 0) return whole;
  const away = roundsAway(se >> 15, (whole & 1) != 0, rest, rounding);
  integerFlags = away ? PE | C1 : PE;
  return away ? whole + 1 : whole;
}

/** Converts to a signed integer of `bits` bits; IE in integerFlags (and the indefinite value) if it cannot. */
function toInteger(a: usize, bits: u32, rounding: u32): i64 {
  const se = seOf(a);
  const sig = sigOf(a);
  const limit = (1 as u64) << ((bits - 1) as u64);
  const negative = (se & 0x8000) != 0;
  if (!isUnsupported(se, sig) && expOf(se) - BIAS <= 63) {
    const magnitude = integerPart(se, sig, rounding);
    if (magnitude < limit || (negative && magnitude == limit)) {
      return negative ? (0 - magnitude) as i64 : (magnitude as i64);
    }
  }
  integerFlags = IE;
  return (0 - limit) as i64;
}

function store16(dst: usize, a: usize, fcw: u32, rounding: u32): u32 {
  const value = toInteger(a, 16, rounding);
  if (!faultsBefore(integerFlags, fcw)) store<u16>(dst, value as u16);
  return integerFlags;
}

function store32(dst: usize, a: usize, fcw: u32, rounding: u32): u32 {
  const value = toInteger(a, 32, rounding);
  if (!faultsBefore(integerFlags, fcw)) store<u32>(dst, value as u32);
  return integerFlags;
}

function store64(dst: usize, a: usize, fcw: u32, rounding: u32): u32 {
  const value = toInteger(a, 64, rounding);
  if (!faultsBefore(integerFlags, fcw)) store<i64>(dst, value);
  return integerFlags;
}

/** FIST m16: stores two bytes at dst. */
export function f80_to_i16(dst: usize, a: usize, fcw: u32): u32 {
  return store16(dst, a, fcw, roundingOf(fcw));
}

/** FIST m32: stores four bytes at dst. */
export function f80_to_i32(dst: usize, a: usize, fcw: u32): u32 {
  return store32(dst, a, fcw, roundingOf(fcw));
}

/** FISTP m64: stores eight bytes at dst. */
export function f80_to_i64(dst: usize, a: usize, fcw: u32): u32 {
  return store64(dst, a, fcw, roundingOf(fcw));
}

/** FISTTP m16. */
export function f80_to_i16_truncate(dst: usize, a: usize, fcw: u32): u32 {
  return store16(dst, a, fcw, TRUNCATE);
}

/** FISTTP m32. */
export function f80_to_i32_truncate(dst: usize, a: usize, fcw: u32): u32 {
  return store32(dst, a, fcw, TRUNCATE);
}

/** FISTTP m64. */
export function f80_to_i64_truncate(dst: usize, a: usize, fcw: u32): u32 {
  return store64(dst, a, fcw, TRUNCATE);
}

/** FILD of any width, sign-extended by the caller. Exact, never an exception. */
export function f80_from_i64(dst: usize, value: i64): void {
  const negative = value < 0;
  const magnitude: u64 = negative ? 0 - (value as u64) : (value as u64);
  if (magnitude == 0) {
    store80(dst, 0, 0);
    return;
  }
  const shift = clz(magnitude);
  store80(dst, (negative ? 0x8000 : 0) | ((BIAS + 63) as u32 - (shift as u32)), magnitude << shift);
}

/** dst = a rounded to an integer in the current mode (FRNDINT). */
export function f80_round_to_integer(dst: usize, a: usize, fcw: u32): u32 {
  const se = seOf(a);
  const sig = sigOf(a);
  if (isNan(se, sig) || isUnsupported(se, sig)) return propagate(dst, a, a, fcw);
  const flags: u32 = isDenormal(se, sig) ? DE : 0;
  if (faultsBefore(flags, fcw)) return flags;
  if (sig == 0 || expOf(se) - BIAS >= 63) {
    store80(dst, se, sig);
    return flags;
  }
  const sign = se & 0x8000;
  const whole = integerPart(se, sig, roundingOf(fcw));
  if (whole == 0) {
    store80(dst, sign, 0);
  } else {
    const shift = clz(whole);
    store80(dst, sign | ((BIAS + 63) as u32 - (shift as u32)), whole << shift);
  }
  return flags | integerFlags;
}
