/*
 * What the eight transcendental instructions share (Intel SDM vol. 1, §8.3.10): results always round to 64
 * bits and always count as inexact, even where they are not; precision control does not apply.
 */

import { resultExp, resultHi, resultLo, resultSign, setNormalised } from "./arith";
import { BIAS, PE } from "./bits";
import { storeRounded } from "./f80-format";
import { divideFraction, fractionLo, multiplyFraction } from "./fraction";
import { shiftRightJam, wideLo } from "./wide";

/** Rounds and stores the current result, which is known not to be exact. */
export function storeInexact(dst: usize, fcw: u32, flags: u32): u32 {
  setNormalised(resultSign, resultExp, resultHi, resultLo | 1);
  return storeRounded(dst, fcw, flags | PE, 0);
}

/** High word of the square of the current result, a number below one, as a fraction; low in wideLo. */
export function squareFraction(): u64 {
  const distance = BIAS - 1 - resultExp;
  const high = multiplyFraction(resultHi, resultLo, resultHi, resultLo);
  return shiftRightJam(high, fractionLo, distance > 64 ? 128 : ((distance * 2) as u32));
}

/** The current result becomes itself times 1 - (hi:lo) / 2^128, or times a hair less. */
export function scaleDown(hi: u64, lo: u64): void {
  const high = multiplyFraction(resultHi, resultLo, ~hi, ~lo);
  setNormalised(resultSign, resultExp, high, fractionLo);
}

/** The current result becomes itself times 1 + (hi:lo) / 2^128. */
export function scaleUp(hi: u64, lo: u64): void {
  const more = multiplyFraction(resultHi, resultLo, hi, lo);
  const low = resultLo + fractionLo;
  const carry = u64(low < resultLo);
  const part = resultHi + more;
  const sum = part + carry;
  if (part < resultHi || sum < part) {
    setNormalised(resultSign, resultExp + 1, (sum >> 1) | 0x8000000000000000, (low >> 1) | (sum << 63));
  } else {
    setNormalised(resultSign, resultExp, sum, low);
  }
}

/** The current result becomes a / b, both positive and normalised, as a number of the given sign. */
export function setQuotient(sign: u32, aExp: i32, aHi: u64, aLo: u64, bExp: i32, bHi: u64, bLo: u64): void {
  const less = aHi < bHi || (aHi == bHi && aLo < bLo);
  const hi = less ? aHi : aHi >> 1;
  const lo = less ? aLo : (aLo >> 1) | (aHi << 63);
  const quotient = divideFraction(hi, lo, bHi, bLo);
  setNormalised(sign, aExp - bExp + BIAS - i32(less), quotient, fractionLo);
}
