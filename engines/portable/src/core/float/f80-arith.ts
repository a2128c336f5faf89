/*
 * FADD, FSUB, FMUL, FDIV and FSQRT (Intel SDM vol. 1, §8.3.5 and §4.8.3): special operands here, finite
 * numbers in arith.ts. Arguments: destination, operands, x87 control word (plus DENORMAL_SOURCE).
 * Returned bits are to be ORed into the status word; C1 is to be cleared first.
 */

import {
  addUnpacked,
  divideUnpacked,
  multiplyUnpacked,
  rootUnpacked,
} from "./arith";
import { DE, DENORMAL_SOURCE, DOWN, faultsBefore, IE, roundingOf, TOP_BIT, ZE } from "./bits";
import {
  denormalFlag,
  expOf,
  invalid,
  isDenormal,
  isNan,
  isSpecial,
  isUnsupported,
  normalExp,
  normalSig,
  propagate,
  scaleOf,
  seOf,
  sigOf,
  store80,
  storeResult,
} from "./f80-format";

/** Either operand is a NaN or unsupported. */
function needsPropagation(aSe: u32, aSig: u64, bSe: u32, bSig: u64): bool {
  return isNan(aSe, aSig) || isNan(bSe, bSig) || isUnsupported(aSe, aSig) || isUnsupported(bSe, bSig);
}

/** Stores a result that needs no rounding, unless flags holds an unmasked pre-computation exception. */
function finish(dst: usize, se: u32, sig: u64, flags: u32, fcw: u32): u32 {
  if (!faultsBefore(flags, fcw)) store80(dst, se, sig);
  return flags;
}

function addSpecial(dst: usize, a: usize, b: usize, flip: u32, fcw: u32): u32 {
  const aSe = seOf(a);
  const bSe = seOf(b);
  const aSig = sigOf(a);
  const bSig = sigOf(b);
  if (needsPropagation(aSe, aSig, bSe, bSig)) return propagate(dst, a, b, fcw);
  const bSigned = bSe ^ flip;
  const aInfinite = expOf(aSe) == 0x7fff;
  if (aInfinite && expOf(bSe) == 0x7fff && aSe != bSigned) return invalid(dst, fcw);
  return finish(dst, aInfinite ? aSe : bSigned, TOP_BIT, denormalFlag(aSe, aSig, bSe, bSig, fcw), fcw);
}

function addSigned(dst: usize, a: usize, b: usize, flip: u32, fcw: u32): u32 {
  const aSe = seOf(a);
  const bSe = seOf(b);
  const aSig = sigOf(a);
  const bSig = sigOf(b);
  if (isSpecial(aSe, aSig) || isSpecial(bSe, bSig)) return addSpecial(dst, a, b, flip, fcw);
  const flags = denormalFlag(aSe, aSig, bSe, bSig, fcw);
  if (faultsBefore(flags, fcw)) return flags;
  addUnpacked(aSe >> 15, scaleOf(aSe), aSig, (bSe ^ flip) >> 15, scaleOf(bSe), bSig, roundingOf(fcw));
  return storeResult(dst, fcw, flags);
}

/** dst = a + b (FADD). */
export function f80_add(dst: usize, a: usize, b: usize, fcw: u32): u32 {
  return addSigned(dst, a, b, 0, fcw);
}

/** dst = a - b (FSUB). */
export function f80_sub(dst: usize, a: usize, b: usize, fcw: u32): u32 {
  return addSigned(dst, a, b, 0x8000, fcw);
}

/** dst = a * b (FMUL). */
export function f80_mul(dst: usize, a: usize, b: usize, fcw: u32): u32 {
  const aSe = seOf(a);
  const bSe = seOf(b);
  const aSig = sigOf(a);
  const bSig = sigOf(b);
  const sign = (aSe ^ bSe) & 0x8000;
  const special = isSpecial(aSe, aSig) || isSpecial(bSe, bSig);
  if (special && needsPropagation(aSe, aSig, bSe, bSig)) return propagate(dst, a, b, fcw);
  const zero = aSig == 0 || bSig == 0;
  if (special && zero) return invalid(dst, fcw);
  const flags = denormalFlag(aSe, aSig, bSe, bSig, fcw);
  if (special) return finish(dst, sign | 0x7fff, TOP_BIT, flags, fcw);
  if (zero) return finish(dst, sign, 0, flags, fcw);
  if (faultsBefore(flags, fcw)) return flags;
  multiplyUnpacked(sign >> 15, normalExp(aSe, aSig), normalSig(aSig), normalExp(bSe, bSig), normalSig(bSig));
  return storeResult(dst, fcw, flags);
}

/** dst = a / b (FDIV). */
export function f80_div(dst: usize, a: usize, b: usize, fcw: u32): u32 {
  const aSe = seOf(a);
  const bSe = seOf(b);
  const aSig = sigOf(a);
  const bSig = sigOf(b);
  const sign = (aSe ^ bSe) & 0x8000;
  const special = isSpecial(aSe, aSig) || isSpecial(bSe, bSig);
  if (special && needsPropagation(aSe, aSig, bSe, bSig)) return propagate(dst, a, b, fcw);
  const flags = denormalFlag(aSe, aSig, bSe, bSig, fcw);
  if (special) {
    const aInfinite = expOf(aSe) == 0x7fff;
    if (aInfinite && expOf(bSe) == 0x7fff) return invalid(dst, fcw);
    return finish(dst, aInfinite ? sign | 0x7fff : sign, aInfinite ? TOP_BIT : 0, flags, fcw);
  }
  if (bSig == 0) {
    if (aSig == 0) return invalid(dst, fcw);
    return finish(dst, sign | 0x7fff, TOP_BIT, ZE, fcw);
  }
  if (aSig == 0) return finish(dst, sign, 0, flags, fcw);
  if (faultsBefore(flags, fcw)) return flags;
  divideUnpacked(sign >> 15, normalExp(aSe, aSig), normalSig(aSig), normalExp(bSe, bSig), normalSig(bSig));
  return storeResult(dst, fcw, flags);
}

/** dst = square root of a (FSQRT). */
export function f80_sqrt(dst: usize, a: usize, fcw: u32): u32 {
  const se = seOf(a);
  const sig = sigOf(a);
  if (needsPropagation(se, sig, se, sig)) return propagate(dst, a, a, fcw);
  if (sig == 0) return finish(dst, se, sig, 0, fcw);
  if ((se & 0x8000) != 0) return invalid(dst, fcw);
  if (expOf(se) == 0x7fff) return finish(dst, se, sig, 0, fcw);
  const flags: u32 = isDenormal(se, sig) ? DE : 0;
  if (faultsBefore(flags, fcw)) return flags;
  rootUnpacked(normalExp(se, sig), normalSig(sig));
  return storeResult(dst, fcw, flags);
}
