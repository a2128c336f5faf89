/*
 * 128-bit fractions for the transcendental functions: products, quotients, and series by Horner's rule.
 * Results are truncated and may be a few units of 2^-128 off; the functions need some 2^-70.
 */

import { divideWide, multiplyWide, wideLo } from "./wide";

/** Low word of the last product, quotient or series. */
export let fractionLo: u64 = 0;

/** High word of (a * b) / 2^128. */
export function multiplyFraction(aHi: u64, aLo: u64, bHi: u64, bLo: u64): u64 {
  const cross1 = multiplyWide(aHi, bLo);
  const cross2 = multiplyWide(aLo, bHi);
  const high = multiplyWide(aHi, bHi);
  const sum = wideLo + cross1;
  fractionLo = sum + cross2;
  return high + u64(sum < cross1) + u64(fractionLo < cross2);
}

let restHi: u64 = 0;
let restLo: u64 = 0;

/** 64 quotient bits of rest * 2^64 / b, with b normalised and rest < b; the new rest replaces the old one. */
function quotientWord(bHi: u64, bLo: u64): u64 {
  let q: u64 = restHi >= bHi ? u64.MAX_VALUE : divideWide(restHi, restLo, bHi);
  const middle = multiplyWide(q, bLo);
  const low = wideLo;
  const top = multiplyWide(q, bHi);
  const next = wideLo + middle;
  let n0: u64 = 0 - low;
  const taken = next + u64(low != 0);
  let n1: u64 = restLo - taken;
  let n2: u64 = restHi - top - u64(next < middle) - u64(taken < next) - u64(restLo < taken);
  // The estimate is at most two too large.
  while ((n2 as i64) < 0) {
    q--;
    n0 += bLo;
    const carry = u64(n0 < bLo);
    n1 += carry;
    n2 += u64(n1 < carry);
    n1 += bHi;
    n2 += u64(n1 < bHi);
  }
  restHi = n1;
  restLo = n0;
  return q;
}

/** High word of a * 2^128 / b, for b normalised (top bit set) and a < b. */
export function divideFraction(aHi: u64, aLo: u64, bHi: u64, bLo: u64): u64 {
  restHi = aHi;
  restLo = aLo;
  const high = quotientWord(bHi, bLo);
  fractionLo = quotientWord(bHi, bLo);
  return high;
}

let pointHi: u64 = 0;
let pointLo: u64 = 0;
let sumHi: u64 = 0;

/** Begins a series in z with its last coefficient; all numbers are fractions of 2^128. */
export function startSeries(zHi: u64, zLo: u64, hi: u64, lo: u64): void {
  pointHi = zHi;
  pointLo = zLo;
  sumHi = hi;
  fractionLo = lo;
}

/** sum = coefficient + z * sum. */
export function addTerm(hi: u64, lo: u64): void {
  const high = multiplyFraction(pointHi, pointLo, sumHi, fractionLo);
  const low = fractionLo + lo;
  sumHi = high + hi + u64(low < lo);
  fractionLo = low;
}

/** sum = coefficient - z * sum. */
export function subtractTerm(hi: u64, lo: u64): void {
  const high = multiplyFraction(pointHi, pointLo, sumHi, fractionLo);
  const low = lo - fractionLo;
  sumHi = hi - high - u64(lo < fractionLo);
  fractionLo = low;
}

/** z * sum: the high word is returned, the low one left in fractionLo. */
export function finishSeries(): u64 {
  return multiplyFraction(pointHi, pointLo, sumHi, fractionLo);
}
