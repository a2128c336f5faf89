/*
 * The four operations and the square root on unpacked finite numbers: sign, biased exponent and a
 * significand whose bit 63 is the integer bit. Results are exact or sticky 128-bit significands,
 * normalised, ready for roundFinite. Special values are the callers' business.
 */

import { BIAS, DOWN, TOP_BIT } from "./bits";
import { divideWide, multiplyWide, shiftLeftWide, shiftRightJam, wideLo, wideRem } from "./wide";

/** The last result: value = hi:lo / 2^127 * 2^(exp - BIAS); hi = 0 means zero. */
export let resultSign: u32 = 0;
export let resultExp: i32 = 0;
export let resultHi: u64 = 0;
export let resultLo: u64 = 0;

/** Sets the result, shifting left until bit 63 of the high word is set (or the value is zero). */
export function setNormalised(sign: u32, exp: i32, hi: u64, lo: u64): void {
  resultSign = sign;
  let high = hi;
  let low = lo;
  let e = exp;
  if (high == 0) {
    high = low;
    low = 0;
    e -= 64;
  }
  const shift = clz(high) as u32;
  if (shift != 0 && high != 0) {
    high = shiftLeftWide(high, low, shift);
    low = wideLo;
    e -= shift as i32;
  }
  resultExp = e;
  resultHi = high;
  resultLo = low;
}

function addMagnitudes(sign: u32, exp: i32, big: u64, hi: u64, lo: u64): void {
  const sum = big + hi;
  if (sum < big) {
    const low = (lo >> 1) | (lo & 1) | (sum << 63);
    setNormalised(sign, exp + 1, (sum >> 1) | TOP_BIT, low);
    return;
  }
  setNormalised(sign, exp, sum, lo);
}

/** a + b; either significand may be unnormalised or zero. An exact zero takes its sign from the mode. */
export function addUnpacked(
  aSign: u32,
  aExp: i32,
  aSig: u64,
  bSign: u32,
  bExp: i32,
  bSig: u64,
  rounding: u32,
): void {
  if (aExp < bExp || (aExp == bExp && aSig < bSig)) {
    addOrdered(bSign, bExp, bSig, aSign, aExp, aSig, rounding);
  } else {
    addOrdered(aSign, aExp, aSig, bSign, bExp, bSig, rounding);
  }
}

function addOrdered(
  aSign: u32,
  aExp: i32,
  aSig: u64,
  bSign: u32,
  bExp: i32,
  bSig: u64,
  rounding: u32,
): void {
  const hi = shiftRightJam(bSig, 0, (aExp - bExp) as u32);
  const lo = wideLo;
  if (aSign == bSign) {
    addMagnitudes(aSign, aExp, aSig, hi, lo);
    return;
  }
  // An unnormalised a may be the smaller one in spite of its exponent.
  let diffHi = aSig - hi - u64(lo != 0);
  let diffLo = 0 - lo;
  let sign = aSign;
  if (aSig < hi || (aSig == hi && lo != 0)) {
    diffHi = hi - aSig;
    diffLo = lo;
    sign = bSign;
  }
  if ((diffHi | diffLo) == 0) sign = u32(rounding == DOWN);
  setNormalised(sign, aExp, diffHi, diffLo);
}

/** a * b for normalised significands. */
export function multiplyUnpacked(sign: u32, aExp: i32, aSig: u64, bExp: i32, bSig: u64): void {
  const hi = multiplyWide(aSig, bSig);
  setNormalised(sign, aExp + bExp - BIAS + 1, hi, wideLo);
}

/** a / b for normalised significands. */
export function divideUnpacked(sign: u32, aExp: i32, aSig: u64, bExp: i32, bSig: u64): void {
  let exp = aExp - bExp + BIAS - 1;
  let hi = aSig;
  let lo: u64 = 0;
  if (aSig >= bSig) {
    hi = aSig >> 1;
    lo = aSig << 63;
    exp++;
  }
  const quotient = divideWide(hi, lo, bSig);
  const rest = wideRem;
  let fraction: u64 = 0;
  if (rest != 0) {
    const doubled = rest << 1;
    const aboveHalf = (rest & TOP_BIT) != 0 || doubled > bSig;
    fraction = doubled == bSig && (rest & TOP_BIT) == 0 ? TOP_BIT : aboveHalf ? TOP_BIT | 1 : 1;
  }
  setNormalised(sign, exp, quotient, fraction);
}

/** Square root of a 64-bit number with bit 63 or 62 set, rounded down. */
function rootOf64(n: u64): u64 {
  let root = sqrt<f64>(n as f64) as u64;
  if (root > 0xffffffff) root = 0xffffffff;
  while (root * root > n) root--;
  while (root < 0xffffffff && (root + 1) * (root + 1) <= n) root++;
  return root;
}

/** Square root of a positive number with a normalised significand. */
export function rootUnpacked(aExp: i32, aSig: u64): void {
  const unbiased = aExp - BIAS;
  const odd = (unbiased & 1) != 0;
  const hi = odd ? aSig : aSig >> 1;
  const lo = odd ? 0 : aSig << 63;
  // Zimmermann's recursion: the root of the upper half, then 32 bits by division, then at most two fixes.
  const s = rootOf64(hi);
  const r = hi - s * s;
  const half = (r << 31) | (lo >> 33);
  let q = half / s;
  if (q > 0xffffffff) q = 0xffffffff;
  let root = (s << 32) + q;
  let squareHi = multiplyWide(root, root);
  let squareLo = wideLo;
  while (squareHi > hi || (squareHi == hi && squareLo > lo)) {
    root--;
    squareHi = multiplyWide(root, root);
    squareLo = wideLo;
  }
  const restLo = lo - squareLo;
  const restHi = hi - squareHi - u64(lo < squareLo);
  // The root's next bit is set when the rest exceeds the root; the rest is never exactly half.
  const above = restHi != 0 || restLo > root;
  const fraction = above ? TOP_BIT | 1 : u64(restLo != 0);
  setNormalised(0, ((unbiased - (odd ? 1 : 0)) >> 1) + BIAS, root, fraction);
}
