/*
 * The double extended format as the x87 stores it (Intel SDM vol. 1, §4.2.2): a 64-bit significand with an
 * explicit integer bit, then sign and 15-bit exponent. Encodings the 8087 knew and later ones do not
 * (unnormals, pseudo-infinities, pseudo-NaNs) are invalid operands; pseudo-denormals are denormals.
 */

import { BIAS, C1, DE, DENORMAL_SOURCE, dropOf, IE, OE, PE, QUIET_BIT, roundingOf, TOP_BIT, UE, WRAP } from "./bits";
import { resultExp, resultHi, resultLo, resultSign } from "./arith";
import { roundedExp, roundedSig, roundFinite } from "./round";

/** Sign and exponent of the default NaN. */
export const DEFAULT_NAN_SE: u32 = 0xffff;
/** Significand of the default NaN (and of negative infinity with the quiet bit). */
export const DEFAULT_NAN_SIG: u64 = 0xc000000000000000;
/** Exponent of infinities and NaNs. */
export const MAX_EXP: i32 = 0x7fff;

/** The significand at p. */
export function sigOf(p: usize): u64 {
  return load<u64>(p);
}

/** Sign and exponent at p. */
export function seOf(p: usize): u32 {
  return load<u16>(p, 8);
}

/** The biased exponent in a sign-and-exponent word. */
export function expOf(se: u32): i32 {
  return (se & 0x7fff) as i32;
}

/** Stores a raw number. */
export function store80(dst: usize, se: u32, sig: u64): void {
  store<u64>(dst, sig);
  store<u16>(dst, se as u16, 8);
}

/** An encoding no modern x87 accepts as an operand. */
export function isUnsupported(se: u32, sig: u64): bool {
  return (se & 0x7fff) != 0 && (sig & TOP_BIT) == 0;
}

/** Infinity, NaN or an unsupported encoding: what the arithmetic paths do not take. */
export function isSpecial(se: u32, sig: u64): bool {
  const exp = se & 0x7fff;
  return exp == 0x7fff || (exp != 0 && (sig & TOP_BIT) == 0);
}

/** A NaN of either kind (a supported encoding). */
export function isNan(se: u32, sig: u64): bool {
  return (se & 0x7fff) == 0x7fff && sig > TOP_BIT;
}

/** A signalling NaN. */
export function isSignalling(se: u32, sig: u64): bool {
  return isNan(se, sig) && (sig & QUIET_BIT) == 0;
}

/** A denormal or pseudo-denormal. */
export function isDenormal(se: u32, sig: u64): bool {
  return (se & 0x7fff) == 0 && sig != 0;
}

/** Exponent of an unpacked number: denormals have the scale of the smallest normal. */
export function scaleOf(se: u32): i32 {
  const exp = expOf(se);
  return exp == 0 ? 1 : exp;
}

/** Exponent of a nonzero finite number once its significand is shifted to have bit 63 set. */
export function normalExp(se: u32, sig: u64): i32 {
  return scaleOf(se) - (clz(sig) as i32);
}

/** The significand of a nonzero finite number with bit 63 set. */
export function normalSig(sig: u64): u64 {
  return sig << clz(sig);
}

/** Stores the default NaN unless invalid operation is unmasked. Returns IE. */
export function invalid(dst: usize, fcw: u32): u32 {
  if ((fcw & IE) != 0) store80(dst, DEFAULT_NAN_SE, DEFAULT_NAN_SIG);
  return IE;
}

/**
 * The response to a NaN or an unsupported encoding among one or two operands (pass the same address twice
 * for one). Two NaNs: a quiet one wins over a signalling one, else the larger significand, else the positive.
 */
export function propagate(dst: usize, a: usize, b: usize, fcw: u32): u32 {
  const aSe = seOf(a);
  const bSe = seOf(b);
  const aSig = sigOf(a);
  const bSig = sigOf(b);
  if (isUnsupported(aSe, aSig) || isUnsupported(bSe, bSig)) return invalid(dst, fcw);
  const aSignals = isSignalling(aSe, aSig);
  const bSignals = isSignalling(bSe, bSig);
  const flags: u32 = aSignals || bSignals ? IE : 0;
  if ((flags & ~fcw) != 0) return flags;
  const aNan = isNan(aSe, aSig);
  const bNan = isNan(bSe, bSig);
  let takeB = bNan;
  if (aNan && bNan) {
    if (aSignals != bSignals) takeB = aSignals;
    else takeB = aSig == bSig ? bSe < aSe : bSig > aSig;
  }
  store80(dst, takeB ? bSe : aSe, (takeB ? bSig : aSig) | QUIET_BIT);
  return flags;
}

/** DE when one of two finite operands is denormal, or b was widened from a denormal. */
export function denormalFlag(aSe: u32, aSig: u64, bSe: u32, bSig: u64, fcw: u32): u32 {
  return isDenormal(aSe, aSig) || isDenormal(bSe, bSig) || (fcw & DENORMAL_SOURCE) != 0 ? DE : 0;
}

/** Rounds and stores the result of the arithmetic core, wrapping it when overflow or underflow is unmasked. */
export function storeResult(dst: usize, fcw: u32, flags: u32): u32 {
  return storeRounded(dst, fcw, flags, dropOf(fcw));
}

/** storeResult with an explicit number of dropped significand bits, whatever the precision control says. */
export function storeRounded(dst: usize, fcw: u32, flags: u32, drop: u32): u32 {
  const signBit = resultSign << 15;
  if (resultHi == 0) {
    store80(dst, signBit, 0);
    return flags;
  }
  const masks = fcw & 0x3f;
  const more = roundFinite(
    resultSign,
    resultExp,
    resultHi,
    resultLo,
    drop,
    roundingOf(fcw),
    1,
    MAX_EXP - 1,
    masks,
  );
  if ((more & ~masks & (OE | UE)) != 0) return storeWrapped(dst, signBit, flags | more);
  store80(dst, signBit | ((roundedSig & TOP_BIT) != 0 ? (roundedExp as u32) : 0), roundedSig);
  return flags | more;
}

/**
 * The unmasked response: the exponent is moved into range by WRAP. Only FSCALE can go further than that;
 * its result is then an infinity or a zero whatever the rounding mode.
 */
function storeWrapped(dst: usize, signBit: u32, flags: u32): u32 {
  const over = (flags & OE) != 0;
  const exp = over ? roundedExp - WRAP : roundedExp + WRAP;
  if (exp > 0 && exp < MAX_EXP) {
    store80(dst, signBit | (exp as u32), roundedSig);
    return flags;
  }
  store80(dst, over ? signBit | 0x7fff : signBit, over ? TOP_BIT : 0);
  return over ? flags | PE | C1 : (flags & ~C1) | PE;
}
