/*
 * 128-bit unsigned arithmetic on pairs of u64. WebAssembly has no wide multiply or divide, so both are
 * built from 32-bit parts. A second result word is left in a Wasm global, read at once by the caller.
 */

/** Low word of the last function here that says so. */
export let wideLo: u64 = 0;
/** Remainder of the last divideWide. */
export let wideRem: u64 = 0;

/** High word of a * b; the low word is left in wideLo. */
export function multiplyWide(a: u64, b: u64): u64 {
  const aLo = a & 0xffffffff;
  const aHi = a >> 32;
  const bLo = b & 0xffffffff;
  const bHi = b >> 32;
  const low = aLo * bLo;
  const mid = aHi * bLo + (low >> 32);
  const mid2 = aLo * bHi + (mid & 0xffffffff);
  wideLo = (mid2 << 32) | (low & 0xffffffff);
  return aHi * bHi + (mid >> 32) + (mid2 >> 32);
}

/** One 32-bit quotient digit of (hi:digit) / d, with d normalised and hi < d; the rest goes to wideRem. */
function quotientDigit(hi: u64, digit: u64, d: u64): u64 {
  const dHi = d >> 32;
  const dLo = d & 0xffffffff;
  let q = hi / dHi;
  let r = hi - q * dHi;
  while (q > 0xffffffff || q * dLo > ((r << 32) | digit)) {
    q--;
    r += dHi;
    if (r > 0xffffffff) break;
  }
  wideRem = ((hi << 32) | digit) - q * d;
  return q;
}

/** Quotient of (hi:lo) / d, where bit 63 of d is set and hi < d; the remainder is left in wideRem. */
export function divideWide(hi: u64, lo: u64, d: u64): u64 {
  const high = quotientDigit(hi, lo >> 32, d);
  const low = quotientDigit(wideRem, lo & 0xffffffff, d);
  return (high << 32) | low;
}

/** (hi:lo) >> count; bits that fall out are kept as a one in the lowest bit. The low word goes to wideLo. */
export function shiftRightJam(hi: u64, lo: u64, count: u32): u64 {
  if (count == 0) {
    wideLo = lo;
    return hi;
  }
  if (count < 64) {
    const out = lo << (64 - count);
    wideLo = (hi << (64 - count)) | (lo >> count) | u64(out != 0);
    return hi >> count;
  }
  if (count < 128) {
    const rest = count - 64;
    const out = lo | (rest == 0 ? 0 : hi << (64 - rest));
    wideLo = (hi >> rest) | u64(out != 0);
    return 0;
  }
  wideLo = u64((hi | lo) != 0);
  return 0;
}

/** (hi:lo) << count for count below 64; the low word goes to wideLo. */
export function shiftLeftWide(hi: u64, lo: u64, count: u32): u64 {
  if (count == 0) {
    wideLo = lo;
    return hi;
  }
  wideLo = lo << count;
  return (hi << count) | (lo >> (64 - count));
}
