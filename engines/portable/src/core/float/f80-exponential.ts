/*
 * F2XM1: 2^x - 1 for x from -1 to 1 (Intel SDM vol. 2). The nearest sixteenth comes from a table, the rest
 * from the series of e^t - 1. Outside that range, where the result is undefined, x is returned as the
 * hosts compared with do.
 */

import { resultExp, resultHi, resultLo, resultSign, setNormalised } from "./arith";
import { BIAS, DE, faultsBefore, PE, TOP_BIT } from "./bits";
import {
  expOf,
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
import { scaleDown, scaleUp, storeInexact } from "./f80-transcendental";
import { fractionLo, multiplyFraction } from "./fraction";
import { decaySeries, growthSeries } from "./series";
import { powerOf, tableLo } from "./tables";
import { shiftRightJam, wideLo } from "./wide";

/** ln 2 in units of 2^-128. */
const LN2_HI: u64 = 0xb17217f7d1cf79ab;
const LN2_LO: u64 = 0xc9e3b39803f2f6af;

/** High word of one, in units of 2^-126. */
const ONE: u64 = 0x4000000000000000;
/** High word of 1/32, in units of 2^-127. */
const HALF_STEP: u64 = 0x0400000000000000;

/** The current result x, at most about 1/32 in magnitude, becomes 2^x - 1. */
function toSmallPower(): void {
  const product = multiplyFraction(resultHi, resultLo, LN2_HI, LN2_LO);
  setNormalised(resultSign, resultExp, product, fractionLo);
  const distance = BIAS - 1 - resultExp;
  const hi = shiftRightJam(resultHi, resultLo, distance > 128 ? 128 : (distance as u32));
  if (resultSign == 0) {
    const more = growthSeries(hi, wideLo);
    scaleUp(more, fractionLo);
  } else {
    const less = decaySeries(hi, wideLo);
    scaleDown(less, fractionLo);
  }
}

/** The current result E becomes T * E + (T - 1) for T = 2^(index / 16). */
function addPower(index: i32): void {
  const power = powerOf(index & 15);
  // In units of 2^-126, a sign and two integer bits fit twice over.
  const tHi = shiftRightJam(power, tableLo, (1 - (index >> 4)) as u32);
  const tLo = wideLo;
  const distance = BIAS - 1 - resultExp;
  const eHi = resultHi == 0 ? 0 : shiftRightJam(resultHi, resultLo, distance > 128 ? 128 : (distance as u32));
  const eLo: u64 = resultHi == 0 ? 0 : wideLo;
  const productHi = multiplyFraction(tHi, tLo, eHi, eLo);
  const productLo = fractionLo;
  const baseHi = tHi - ONE;
  let hi: u64;
  let lo: u64;
  if (resultSign == 0) {
    lo = tLo + productLo;
    hi = baseHi + productHi + u64(lo < tLo);
  } else {
    lo = tLo - productLo;
    hi = baseHi - productHi - u64(tLo < productLo);
  }
  // A negative sum shows in the index: no sum is nearer to zero than 1/32.
  const negative = index < 0;
  setNormalised(u32(negative), BIAS + 1, negative ? ~hi + u64(lo == 0) : hi, negative ? 0 - lo : lo);
}

/** dst = 2^a - 1 (F2XM1). */
export function f80_power(dst: usize, a: usize, fcw: u32): u32 {
  const se = seOf(a);
  const sig = sigOf(a);
  if (isNan(se, sig) || isUnsupported(se, sig)) return propagate(dst, a, a, fcw);
  if (expOf(se) == 0x7fff) {
    store80(dst, (se & 0x8000) != 0 ? 0xbfff : 0x7fff, TOP_BIT);
    return 0;
  }
  const flags: u32 = isDenormal(se, sig) ? DE : 0;
  if (faultsBefore(flags, fcw)) return flags;
  const exp = normalExp(se, sig);
  if (sig == 0 || exp > BIAS || (exp == BIAS && sig != TOP_BIT)) {
    store80(dst, se, sig);
    return sig == 0 ? 0 : PE;
  }
  const sign = se >> 15;
  const normal = normalSig(sig);
  if (exp < BIAS - 5) {
    setNormalised(sign, exp, normal, 0);
    toSmallPower();
    return storeInexact(dst, fcw, flags);
  }
  // In units of 2^-127; a sixteenth is 2^123.
  const xHi = shiftRightJam(normal, 0, (BIAS - exp) as u32);
  const xLo = wideLo;
  const index = ((xHi + HALF_STEP) >> 59) as i32;
  const middle = (index as u64) << 59;
  const above = xHi >= middle;
  const restHi = above ? xHi - middle : middle - xHi - u64(xLo != 0);
  setNormalised(sign ^ u32(!above), BIAS, restHi, above ? xLo : 0 - xLo);
  const exact = resultHi == 0;
  if (!exact) toSmallPower();
  addPower(sign != 0 ? -index : index);
  return exact && index == 16 ? storeRounded(dst, fcw, flags | PE, 0) : storeInexact(dst, fcw, flags);
}
