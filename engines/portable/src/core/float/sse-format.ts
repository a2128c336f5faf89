/*
 * f32 and f64 as SSE sees them (Intel SDM vol. 1, §10.2.3, §11.5): unpacking with denormals-are-zeros,
 * NaN selection by position, packing with flush-to-zero. `wide` chooses f64; an f32 is the low half of a
 * u64. Exception flags gather in floatFlags, in MXCSR order, until taken.
 */

import { resultExp, resultHi, resultLo, resultSign } from "./arith";
import { BIAS, DE, IE, TOP_BIT } from "./bits";
import { FLUSH_TINY, roundedExp, roundedSig, roundFinite } from "./round";

/** Exception flags since the last float_take_flags. */
export let floatFlags: u32 = 0;

/** Exponent of an unpacked infinity or NaN. */
export const SPECIAL: i32 = 0x7fff;

/** The last unpacked number: exponent biased by BIAS (SPECIAL, or 0 with a zero significand), bit 63 set. */
export let unpackedExp: i32 = 0;
export let unpackedSig: u64 = 0;

/** Adds exception flags. */
export function raise(flags: u32): void {
  floatFlags |= flags & 0x3f;
}

/** Reads the exception flags gathered since the last call and clears them. */
export function float_take_flags(): u32 {
  const flags = floatFlags;
  floatFlags = 0;
  return flags;
}

/** The exception masks of an MXCSR, in flag order, with its flush-to-zero bit. */
export function masksOf(mxcsr: u32): u32 {
  return ((mxcsr >> 7) & 0x3f) | (mxcsr & FLUSH_TINY);
}

/** The rounding mode of an MXCSR. */
export function modeOf(mxcsr: u32): u32 {
  return (mxcsr >> 13) & 3;
}

/** Sign of a number: 0 or 1. */
export function signOf(bits: u64, wide: bool): u32 {
  return (wide ? bits >> 63 : bits >> 31) as u32;
}

/** A number of the given sign whose other bits are given. */
export function withSign(sign: u32, bits: u64, wide: bool): u64 {
  return ((sign as u64) << (wide ? 63 : 31)) | bits;
}

/** Positive infinity. */
export function infinityBits(wide: bool): u64 {
  return wide ? 0x7ff0000000000000 : 0x7f800000;
}

/** The bit that makes a NaN quiet. */
export function quietBit(wide: bool): u64 {
  return wide ? 0x8000000000000 : 0x400000;
}

function magnitude(bits: u64, wide: bool): u64 {
  return wide ? bits & 0x7fffffffffffffff : bits & 0x7fffffff;
}

/** A NaN of either kind. */
export function isNanBits(bits: u64, wide: bool): bool {
  return magnitude(bits, wide) > infinityBits(wide);
}

/** A signalling NaN. */
export function isSignallingBits(bits: u64, wide: bool): bool {
  return isNanBits(bits, wide) && (bits & quietBit(wide)) == 0;
}

/** A nonzero number below the smallest normal. */
export function isDenormalBits(bits: u64, wide: bool): bool {
  const rest = magnitude(bits, wide);
  const smallestNormal: u64 = wide ? 0x10000000000000 : 0x800000;
  return rest != 0 && rest < smallestNormal;
}

/** The operand as the instruction sees it: a denormal is a zero when MXCSR.DAZ is set. */
export function operand(bits: u64, mxcsr: u32, wide: bool): u64 {
  if ((mxcsr & 0x40) == 0 || !isDenormalBits(bits, wide)) return bits;
  return withSign(signOf(bits, wide), 0, wide);
}

/** Unpacks a number into unpackedExp and unpackedSig. */
export function unpack(bits: u64, wide: bool): void {
  const field = (wide ? (bits >> 52) & 0x7ff : (bits >> 23) & 0xff) as i32;
  const fraction = wide ? bits << 12 : bits << 41;
  const bias: i32 = wide ? 1023 : 127;
  if (field == (wide ? 0x7ff : 0xff)) {
    unpackedExp = SPECIAL;
    unpackedSig = TOP_BIT | (fraction >> 1);
    return;
  }
  if (field != 0) {
    unpackedExp = field - bias + BIAS;
    unpackedSig = TOP_BIT | (fraction >> 1);
    return;
  }
  const shift = clz(fraction);
  unpackedExp = fraction == 0 ? 0 : BIAS - bias - (shift as i32);
  unpackedSig = fraction == 0 ? 0 : fraction << shift;
}

/** The invalid-operation response: IE and the default NaN. */
export function invalidBits(wide: bool): u64 {
  raise(IE);
  return withSign(1, infinityBits(wide) | quietBit(wide), wide);
}

/** The response to a NaN among two operands: the first NaN, made quiet. */
export function propagateBits(a: u64, b: u64, wide: bool): u64 {
  if (isSignallingBits(a, wide) || isSignallingBits(b, wide)) raise(IE);
  return (isNanBits(a, wide) ? a : b) | quietBit(wide);
}

/** Raises DE for a denormal operand. True when that faults and nothing more is to be computed. */
export function denormalFaults(a: u64, b: u64, mxcsr: u32, wide: bool): bool {
  if (!isDenormalBits(a, wide) && !isDenormalBits(b, wide)) return false;
  raise(DE);
  return (masksOf(mxcsr) & DE) == 0;
}

/** Rounds the arithmetic core's result to the format and packs it. */
export function packResult(mxcsr: u32, wide: bool): u64 {
  if (resultHi == 0) return withSign(resultSign, 0, wide);
  const drop: u32 = wide ? 11 : 40;
  const emin: i32 = wide ? BIAS - 1022 : BIAS - 126;
  const emax: i32 = wide ? BIAS + 1023 : BIAS + 127;
  const masks = masksOf(mxcsr);
  raise(roundFinite(resultSign, resultExp, resultHi, resultLo, drop, modeOf(mxcsr), emin, emax, masks));
  const field = ((roundedExp - emin) as u64) << (wide ? 52 : 23);
  // The integer bit of a normal number adds the one its exponent field starts from.
  return withSign(resultSign, field + (roundedSig >> (drop as u64)), wide);
}
