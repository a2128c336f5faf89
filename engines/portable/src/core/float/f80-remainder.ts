/*
 * FPREM and FPREM1 (Intel SDM vol. 2, under each). Exact; precision control does not apply. A dividend
 * 2^64 or more times the divisor is only reduced, with C2 set: the guest repeats the instruction.
 */

import { setNormalised } from "./arith";
import { C0, C1, C2, C3, faultsBefore } from "./bits";
import {
  denormalFlag,
  expOf,
  invalid,
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
import { divideWide, wideRem } from "./wide";

/** Low bits of the quotient of the last reduction. */
let quotient: u64 = 0;

/** Quotient bits Q2, Q1, Q0 as FPREM reports them: C0, C3, C1. */
function quotientConditions(): u32 {
  const q = quotient as u32;
  return ((q & 4) != 0 ? C0 : 0) | ((q & 2) != 0 ? C3 : 0) | ((q & 1) != 0 ? C1 : 0);
}

/** Remainder of sig * 2^count by divisor, both normalised; count may be any number of bits. */
function reduce(sig: u64, count: i32, divisor: u64): u64 {
  let rest = sig;
  quotient = 0;
  if (rest >= divisor) {
    rest -= divisor;
    quotient = 1;
  }
  let left = count;
  while (left > 0) {
    const step: u64 = left > 32 ? 32 : (left as u64);
    const digits = divideWide(rest >> (64 - step), rest << step, divisor);
    rest = wideRem;
    quotient = (quotient << step) + digits;
    left -= step as i32;
  }
  return rest;
}

/** One step for a dividend too far from the divisor: takes 32 to 63 bits off, as hardware may choose. */
function partialRemainder(dst: usize, a: usize, b: usize, difference: i32, fcw: u32, flags: u32): u32 {
  const aSe = seOf(a);
  const aExp = normalExp(aSe, sigOf(a));
  const count = (difference & 31) | 32;
  const rest = reduce(normalSig(sigOf(a)), count, normalSig(sigOf(b)));
  setNormalised(aSe >> 15, aExp - count, rest, 0);
  return storeRounded(dst, fcw, flags, 0) | C2;
}

/** The whole remainder; nearest (FPREM1) takes the nearest quotient, even on a tie, not the truncated one. */
function finalRemainder(dst: usize, a: usize, b: usize, nearest: bool, fcw: u32, flags: u32): u32 {
  const aSe = seOf(a);
  const divisor = normalSig(sigOf(b));
  let sign = aSe >> 15;
  let exp = normalExp(seOf(b), sigOf(b));
  let rest = normalSig(sigOf(a));
  const difference = normalExp(aSe, sigOf(a)) - exp;
  quotient = 0;
  if (difference >= 0) {
    rest = reduce(rest, difference, divisor);
    if (nearest && (rest > divisor - rest || (rest == divisor - rest && (quotient & 1) != 0))) {
      rest = divisor - rest;
      sign ^= 1;
      quotient++;
    }
  } else {
    exp += difference;
    if (nearest && difference == -1 && rest > divisor) {
      // On this scale the divisor is twice as large; the sum wraps to less than 2^64 again.
      rest = (divisor << 1) - rest;
      sign ^= 1;
      quotient = 1;
    }
  }
  setNormalised(sign, exp, rest, 0);
  const stored = storeRounded(dst, fcw, flags, 0);
  return stored | quotientConditions();
}

function remainder(dst: usize, a: usize, b: usize, nearest: bool, fcw: u32): u32 {
  const aSe = seOf(a);
  const bSe = seOf(b);
  const aSig = sigOf(a);
  const bSig = sigOf(b);
  const unsupported = isUnsupported(aSe, aSig) || isUnsupported(bSe, bSig);
  if (unsupported || isNan(aSe, aSig) || isNan(bSe, bSig)) return propagate(dst, a, b, fcw);
  if (expOf(aSe) == 0x7fff || bSig == 0) return invalid(dst, fcw);
  const flags = denormalFlag(aSe, aSig, bSe, bSig, 0);
  if (faultsBefore(flags, fcw)) return flags;
  if (aSig == 0) {
    store80(dst, aSe, aSig);
    return flags;
  }
  if (expOf(bSe) == 0x7fff) {
    setNormalised(aSe >> 15, normalExp(aSe, aSig), normalSig(aSig), 0);
    return storeRounded(dst, fcw, flags, 0);
  }
  const difference = normalExp(aSe, aSig) - normalExp(bSe, bSig);
  if (difference >= 64) return partialRemainder(dst, a, b, difference, fcw, flags);
  return finalRemainder(dst, a, b, nearest, fcw, flags);
}

/** dst = remainder of a / b with the quotient truncated (FPREM). Returns flags, C2, and Q2..Q0 in C0, C3, C1. */
export function f80_remainder(dst: usize, a: usize, b: usize, fcw: u32): u32 {
  return remainder(dst, a, b, false, fcw);
}

/** dst = IEEE remainder of a / b, the quotient rounded to nearest (FPREM1). */
export function f80_remainder_nearest(dst: usize, a: usize, b: usize, fcw: u32): u32 {
  return remainder(dst, a, b, true, fcw);
}
