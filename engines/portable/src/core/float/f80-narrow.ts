/*
 * The double extended format and the two formats in memory: FLD m32/m64, FST m32/m64 (Intel SDM vol. 1,
 * §8.3.3 and §4.8.3). Stores round to the destination's own precision and range, whatever precision
 * control says; loads are exact.
 */

import {
  BIAS,
  DE,
  DENORMAL_SOURCE,
  IE,
  OE,
  QUIET_BIT,
  roundingOf,
  TOP_BIT,
  UE,
} from "./bits";
import {
  isNan,
  isSignalling,
  isSpecial,
  isUnsupported,
  normalExp,
  normalSig,
  seOf,
  sigOf,
  store80,
} from "./f80-format";
import { roundedExp, roundedSig, roundFinite } from "./round";

/** Bits of a number in the f80 format with the exponent base moved to a narrow format's own. */
function widen(dst: usize, sign: u32, exp: i32, fraction: u64, bias: i32, maxExp: i32): u32 {
  const signBit = sign << 15;
  if (exp == maxExp) {
    store80(dst, signBit | 0x7fff, TOP_BIT | fraction);
    return 0;
  }
  if (exp != 0) {
    store80(dst, signBit | ((exp - bias + BIAS) as u32), TOP_BIT | fraction);
    return 0;
  }
  if (fraction == 0) {
    store80(dst, signBit, 0);
    return 0;
  }
  const shift = clz(fraction);
  store80(dst, signBit | ((1 - bias + BIAS) as u32 - (shift as u32)), fraction << shift);
  return DENORMAL_SOURCE;
}

/**
 * Widens an f32 memory operand of an arithmetic instruction (FADD m32 …) without raising anything: a
 * signalling NaN stays one. OR the result (DENORMAL_SOURCE or 0) into the control word of the operation.
 */
export function f80_from_f32_operand(dst: usize, bits: u32): u32 {
  const fraction = ((bits & 0x7fffff) as u64) << 40;
  return widen(dst, bits >> 31, ((bits >> 23) & 0xff) as i32, fraction, 127, 255);
}

/** The same for an f64 memory operand. */
export function f80_from_f64_operand(dst: usize, bits: u64): u32 {
  const fraction = (bits & 0xfffffffffffff) << 11;
  return widen(dst, (bits >> 63) as u32, ((bits >> 52) & 0x7ff) as i32, fraction, 1023, 2047);
}

/** What a load makes of a widened operand: DE for a denormal, IE and a quiet NaN for a signalling one. */
function finishLoad(dst: usize, source: u32): u32 {
  if (source != 0) return DE;
  if (!isSignalling(seOf(dst), sigOf(dst))) return 0;
  store<u64>(dst, sigOf(dst) | QUIET_BIT);
  return IE;
}

/** FLD m32. dst is written even when the flag returned is unmasked: the caller then does not push. */
export function f80_from_f32(dst: usize, bits: u32): u32 {
  return finishLoad(dst, f80_from_f32_operand(dst, bits));
}

/** FLD m64, likewise. */
export function f80_from_f64(dst: usize, bits: u64): u32 {
  return finishLoad(dst, f80_from_f64_operand(dst, bits));
}

/** Flags of the last narrow. */
let narrowFlags: u32 = 0;

/**
 * A number of the format with `drop` fewer significand bits, exponents emin..emax (biased as the f80) and
 * `bits` bits in all, as its bit pattern.
 */
function narrow(a: usize, fcw: u32, drop: u32, emin: i32, emax: i32, bits: u32): u64 {
  const se = seOf(a);
  const sig = sigOf(a);
  const signBit = ((se >> 15) as u64) << ((bits - 1) as u64);
  const fractionBits = 63 - drop;
  const infinity = ((emax - emin + 2) as u64) << (fractionBits as u64);
  narrowFlags = 0;
  if (isSpecial(se, sig)) {
    if (isUnsupported(se, sig)) {
      narrowFlags = IE;
      return ((1 as u64) << ((bits - 1) as u64)) | infinity | ((1 as u64) << ((fractionBits - 1) as u64));
    }
    if (!isNan(se, sig)) return signBit | infinity;
    if (isSignalling(se, sig)) narrowFlags = IE;
    return signBit | infinity | (((sig | QUIET_BIT) & ~TOP_BIT) >> (drop as u64));
  }
  if (sig == 0) return signBit;
  const masks = fcw & 0x3f;
  narrowFlags = roundFinite(
    se >> 15,
    normalExp(se, sig),
    normalSig(sig),
    0,
    drop,
    roundingOf(fcw),
    emin,
    emax,
    masks,
  );
  // A store that does not happen has no rounding to report.
  if ((narrowFlags & ~masks & (OE | UE)) != 0) narrowFlags &= OE | UE;
  // A denormal has bit 63 clear; a normal one's integer bit adds the one its exponent field starts from.
  return signBit | ((((roundedExp - emin) as u64) << (fractionBits as u64)) + (roundedSig >> (drop as u64)));
}

/** True when an unmasked exception keeps a store to memory from happening. */
function keepsFromStoring(fcw: u32): bool {
  return (narrowFlags & ~fcw & (IE | OE | UE)) != 0;
}

/** FST m32: stores four bytes at dst. An unmasked IE, OE or UE stores nothing. */
export function f80_to_f32(dst: usize, a: usize, fcw: u32): u32 {
  const value = narrow(a, fcw, 40, BIAS - 126, BIAS + 127, 32);
  if (!keepsFromStoring(fcw)) store<u32>(dst, value as u32);
  return narrowFlags;
}

/** FST m64: stores eight bytes at dst, likewise. */
export function f80_to_f64(dst: usize, a: usize, fcw: u32): u32 {
  const value = narrow(a, fcw, 11, BIAS - 1022, BIAS + 1023, 64);
  if (!keepsFromStoring(fcw)) store<u64>(dst, value);
  return narrowFlags;
}
