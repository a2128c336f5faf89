/*
 * FCOM, FUCOM, FCOMI, FTST and FXAM (Intel SDM vol. 1, §8.3.6 and §8.1.3.1). Conditions come back in
 * C3, C2 and C0 beside the exception flags; for FCOMI the caller maps them to ZF, PF and CF, which have
 * the same meaning in the same order.
 */

import { C0, C1, C2, C3, IE } from "./bits";
import { denormalFlag, isNan, isSignalling, isUnsupported, scaleOf, seOf, sigOf } from "./f80-format";

/** -1, 0 or 1 as a is below, equal to or above b; neither is a NaN or unsupported. */
function order(aSe: u32, aSig: u64, bSe: u32, bSig: u64): i32 {
  if ((aSig | bSig) == 0 && ((aSe | bSe) & 0x7fff) == 0) return 0;
  const aNegative = (aSe & 0x8000) != 0;
  if (aNegative != ((bSe & 0x8000) != 0)) return aNegative ? -1 : 1;
  const aExp = scaleOf(aSe);
  const bExp = scaleOf(bSe);
  if (aExp == bExp && aSig == bSig) return 0;
  // A zero has the scale of the smallest normal, so scale first, significand second is the magnitude order.
  const below = aExp == bExp ? aSig < bSig : aExp < bExp;
  return below == aNegative ? 1 : -1;
}

/** Compares a with b; quiet (FUCOM) raises IE for signalling NaNs and unsupported encodings only. */
function compare(a: usize, b: usize, fcw: u32, quiet: bool): u32 {
  const aSe = seOf(a);
  const bSe = seOf(b);
  const aSig = sigOf(a);
  const bSig = sigOf(b);
  const unsupported = isUnsupported(aSe, aSig) || isUnsupported(bSe, bSig);
  if (unsupported) return IE | C0 | C2 | C3;
  if (isNan(aSe, aSig) || isNan(bSe, bSig)) {
    const signals = !quiet || isSignalling(aSe, aSig) || isSignalling(bSe, bSig);
    return (signals ? IE : 0) | C0 | C2 | C3;
  }
  const flags = denormalFlag(aSe, aSig, bSe, bSig, fcw);
  const relation = order(aSe, aSig, bSe, bSig);
  return flags | (relation < 0 ? C0 : relation == 0 ? C3 : 0);
}

/** FCOM, FCOMP, FCOMI, FICOM, FTST: any NaN raises IE. Returns flags and C3, C2, C0. */
export function f80_compare(a: usize, b: usize, fcw: u32): u32 {
  return compare(a, b, fcw, false);
}

/** FUCOM, FUCOMP, FUCOMI: quiet NaNs compare unordered without an exception. */
export function f80_compare_quiet(a: usize, b: usize, fcw: u32): u32 {
  return compare(a, b, fcw, true);
}

/** FXAM of a register that is not empty (an empty one is C3 | C0, and C1 its sign). Never an exception. */
export function f80_classify(a: usize): u32 {
  const se = seOf(a);
  const sig = sigOf(a);
  const sign: u32 = (se & 0x8000) != 0 ? C1 : 0;
  if (isUnsupported(se, sig)) return sign;
  if (isNan(se, sig)) return sign | C0;
  if ((se & 0x7fff) == 0x7fff) return sign | C2 | C0;
  if ((se & 0x7fff) != 0) return sign | C2;
  return sign | (sig == 0 ? C3 : C3 | C2);
}
