/*
 * Packed decimal: FBLD and FBSTP (Intel SDM vol. 1, §4.7): eighteen digits in nine bytes, low digits
 * first, then a byte whose top bit is the sign. Digits above nine are not checked, as on hardware.
 */

import { BIAS, faultsBefore, IE, roundingOf } from "./bits";
import { f80_from_i64, integerFlags, integerPart } from "./f80-integer";
import { expOf, isUnsupported, seOf, sigOf } from "./f80-format";

const LIMIT: u64 = 1000000000000000000;

/** FBLD: dst = the ten bytes at source. Never an exception. */
export function f80_from_decimal(dst: usize, source: usize): void {
  let value: u64 = 0;
  for (let i: i32 = 8; i >= 0; i--) {
    const byte = load<u8>(source + (i as usize)) as u64;
    value = value * 100 + (byte >> 4) * 10 + (byte & 15);
  }
  f80_from_i64(dst, value as i64);
  const sign = (load<u8>(source, 9) as u32) & 0x80;
  store<u16>(dst, (seOf(dst) | (sign << 8)) as u16, 8);
}

/** FBSTP: stores ten bytes at dst, or the decimal indefinite value with IE. */
export function f80_to_decimal(dst: usize, a: usize, fcw: u32): u32 {
  const se = seOf(a);
  const sig = sigOf(a);
  const fits = !isUnsupported(se, sig) && expOf(se) - BIAS < 63;
  let value = fits ? integerPart(se, sig, roundingOf(fcw)) : LIMIT;
  if (value >= LIMIT) {
    if (!faultsBefore(IE, fcw)) {
      store<u64>(dst, 0xc000000000000000);
      store<u16>(dst, 0xffff, 8);
    }
    return IE;
  }
  for (let i: usize = 0; i < 9; i++) {
    const pair = value % 100;
    value /= 100;
    store<u8>(dst + i, ((pair / 10) << 4) | (pair % 10));
  }
  store<u8>(dst, (se >> 8) & 0x80, 9);
  return integerFlags;
}
