/*
 * FSCALE and FXTRACT (Intel SDM vol. 2, under each). FSCALE may leave the format and round; precision
 * control does not apply.
 */

import { setNormalised } from "./arith";
import { BIAS, DE, faultsBefore, TOP_BIT, ZE } from "./bits";
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
import { f80_from_i64 } from "./f80-integer";

/** Beyond this every finite number overflows or underflows, even after the unmasked adjustment. */
const SCALE_LIMIT: i32 = 0x10000;

/** b truncated to an integer, limited to plus or minus SCALE_LIMIT. */
function scaleCount(se: u32, sig: u64): i32 {
  const e = expOf(se) - BIAS;
  if (e < 0) return 0;
  const magnitude: i32 = e >= 16 ? SCALE_LIMIT : ((sig >> ((63 - e) as u64)) as i32);
  return (se & 0x8000) != 0 ? -magnitude : magnitude;
}

function scaleByInfinity(dst: usize, a: usize, bSe: u32, flags: u32, fcw: u32): u32 {
  const aSe = seOf(a);
  const sign = aSe & 0x8000;
  const aInfinite = expOf(aSe) == 0x7fff;
  const down = (bSe & 0x8000) != 0;
  if (down ? aInfinite : sigOf(a) == 0) return invalid(dst, fcw);
  if (!faultsBefore(flags, fcw)) store80(dst, down ? sign : sign | 0x7fff, down ? 0 : TOP_BIT);
  return flags;
}

/** dst = a * 2^trunc(b) (FSCALE). */
export function f80_scale(dst: usize, a: usize, b: usize, fcw: u32): u32 {
  const aSe = seOf(a);
  const bSe = seOf(b);
  const aSig = sigOf(a);
  const bSig = sigOf(b);
  const unsupported = isUnsupported(aSe, aSig) || isUnsupported(bSe, bSig);
  if (unsupported || isNan(aSe, aSig) || isNan(bSe, bSig)) return propagate(dst, a, b, fcw);
  const flags = denormalFlag(aSe, aSig, bSe, bSig, 0);
  if (expOf(bSe) == 0x7fff) return scaleByInfinity(dst, a, bSe, flags, fcw);
  if (faultsBefore(flags, fcw)) return flags;
  if (aSig == 0 || expOf(aSe) == 0x7fff) {
    store80(dst, aSe, aSig);
    return flags;
  }
  setNormalised(aSe >> 15, normalExp(aSe, aSig) + scaleCount(bSe, bSig), normalSig(aSig), 0);
  return storeRounded(dst, fcw, flags, 0);
}

/** exponent = the exponent of a as a number, fraction = a with the exponent zero (FXTRACT). */
export function f80_extract(exponent: usize, fraction: usize, a: usize, fcw: u32): u32 {
  const se = seOf(a);
  const sig = sigOf(a);
  if (isNan(se, sig) || isUnsupported(se, sig)) {
    const flags = propagate(fraction, a, a, fcw);
    if (!faultsBefore(flags, fcw)) store80(exponent, seOf(fraction), sigOf(fraction));
    return flags;
  }
  const infinite = expOf(se) == 0x7fff;
  if (infinite || sig == 0) {
    const flags: u32 = infinite ? 0 : ZE;
    if (faultsBefore(flags, fcw)) return flags;
    store80(exponent, infinite ? 0x7fff : 0xffff, TOP_BIT);
    store80(fraction, se, sig);
    return flags;
  }
  const flags: u32 = isDenormal(se, sig) ? DE : 0;
  if (faultsBefore(flags, fcw)) return flags;
  store80(fraction, (se & 0x8000) | (BIAS as u32), normalSig(sig));
  f80_from_i64(exponent, (normalExp(se, sig) - BIAS) as i64);
  return flags;
}
