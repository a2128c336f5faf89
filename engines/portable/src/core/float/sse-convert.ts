/*
 * Conversions of SSE and SSE2 and ROUNDSS/SD for one lane (Intel SDM vol. 2, under each). A number that
 * does not fit an integer gives the integer indefinite value and IE. Neither these nor ROUND report
 * denormal operands; conversions between the two formats do.
 */

import { setNormalised } from "./arith";
import { BIAS, IE, PE, TRUNCATE } from "./bits";
import { roundsAway } from "./round";
import {
  denormalFaults,
  infinityBits,
  isNanBits,
  isSignallingBits,
  modeOf,
  operand,
  packResult,
  propagateBits,
  quietBit,
  raise,
  signOf,
  SPECIAL,
  unpack,
  unpackedExp,
  unpackedSig,
  withSign,
} from "./sse-format";

/** Whether the last wholePart discarded anything. */
let inexact: bool = false;

/** Magnitude of the unpacked number (below 2^64) rounded to an integer. */
function wholePart(sign: u32, mode: u32): u64 {
  const e = unpackedExp - BIAS;
  let whole: u64 = 0;
  let rest: u64 = u64(unpackedSig != 0);
  inexact = false;
  if (e >= 63) return unpackedSig;
  if (e >= 0) {
    whole = unpackedSig >> ((63 - e) as u64);
    rest = unpackedSig << ((e + 1) as u64);
  } else if (e == -1) {
    rest = unpackedSig;
  }
  inexact = rest != 0;
  return roundsAway(sign, (whole & 1) != 0, rest, mode) ? whole + 1 : whole;
}

function toInteger(aRaw: u64, bits: u32, mode: u32, mxcsr: u32, wide: bool): i64 {
  const a = operand(aRaw, mxcsr, wide);
  const sign = signOf(a, wide);
  const limit = (1 as u64) << ((bits - 1) as u64);
  unpack(a, wide);
  if (unpackedExp - BIAS <= 63) {
    const whole = wholePart(sign, mode);
    if (whole < limit || (sign != 0 && whole == limit)) {
      if (inexact) raise(PE);
      return (sign != 0 ? 0 - whole : whole) as i64;
    }
  }
  raise(IE);
  return (0 - limit) as i64;
}

function fromInteger(value: i64, mxcsr: u32, wide: bool): u64 {
  const sign = u32(value < 0);
  const magnitude: u64 = value < 0 ? 0 - (value as u64) : (value as u64);
  setNormalised(sign, BIAS + 63, magnitude, 0);
  return packResult(mxcsr, wide);
}

/** The bits of a NaN moved between formats: the payload keeps its top, and becomes quiet. */
function convertNan(a: u64, fromWide: bool): u64 {
  if (isSignallingBits(a, fromWide)) raise(IE);
  const payload = fromWide ? (a & 0xfffffffffffff) >> 29 : (a & 0x7fffff) << 29;
  return withSign(signOf(a, fromWide), infinityBits(!fromWide) | quietBit(!fromWide) | payload, !fromWide);
}

function convert(aRaw: u64, mxcsr: u32, fromWide: bool): u64 {
  const a = operand(aRaw, mxcsr, fromWide);
  if (isNanBits(a, fromWide)) return convertNan(a, fromWide);
  const sign = signOf(a, fromWide);
  unpack(a, fromWide);
  if (unpackedExp == SPECIAL) return withSign(sign, infinityBits(!fromWide), !fromWide);
  if (denormalFaults(a, a, mxcsr, fromWide)) return 0;
  setNormalised(sign, unpackedExp, unpackedSig, 0);
  return packResult(mxcsr, !fromWide);
}

function roundBits(aRaw: u64, control: u32, mxcsr: u32, wide: bool): u64 {
  const a = operand(aRaw, mxcsr, wide);
  if (isNanBits(a, wide)) return propagateBits(a, a, wide);
  unpack(a, wide);
  if (unpackedExp - BIAS >= 63) return a;
  const sign = signOf(a, wide);
  const mode = (control & 4) != 0 ? modeOf(mxcsr) : control & 3;
  setNormalised(sign, BIAS + 63, wholePart(sign, mode), 0);
  if (inexact && (control & 8) == 0) raise(PE);
  return packResult(mxcsr, wide);
}

/** CVTSS2SD, one lane of CVTPS2PD. */
export function f64_from_f32(a: u32, mxcsr: u32): u64 {
  return convert(a as u64, mxcsr, false);
}

/** CVTSD2SS, one lane of CVTPD2PS. */
export function f32_from_f64(a: u64, mxcsr: u32): u32 {
  return convert(a, mxcsr, true) as u32;
}

/** CVTSD2SI with a 32-bit destination, one lane of CVTPD2DQ. */
export function f64_to_i32(a: u64, mxcsr: u32): i32 {
  return toInteger(a, 32, modeOf(mxcsr), mxcsr, true) as i32;
}

/** CVTTSD2SI, one lane of CVTTPD2DQ. */
export function f64_to_i32_truncate(a: u64, mxcsr: u32): i32 {
  return toInteger(a, 32, TRUNCATE, mxcsr, true) as i32;
}

/** CVTSD2SI with a 64-bit destination. */
export function f64_to_i64(a: u64, mxcsr: u32): i64 {
  return toInteger(a, 64, modeOf(mxcsr), mxcsr, true);
}

/** CVTTSD2SI with a 64-bit destination. */
export function f64_to_i64_truncate(a: u64, mxcsr: u32): i64 {
  return toInteger(a, 64, TRUNCATE, mxcsr, true);
}

/** CVTSS2SI with a 32-bit destination, one lane of CVTPS2DQ. */
export function f32_to_i32(a: u32, mxcsr: u32): i32 {
  return toInteger(a as u64, 32, modeOf(mxcsr), mxcsr, false) as i32;
}

/** CVTTSS2SI, one lane of CVTTPS2DQ. */
export function f32_to_i32_truncate(a: u32, mxcsr: u32): i32 {
  return toInteger(a as u64, 32, TRUNCATE, mxcsr, false) as i32;
}

/** CVTSS2SI with a 64-bit destination. */
export function f32_to_i64(a: u32, mxcsr: u32): i64 {
  return toInteger(a as u64, 64, modeOf(mxcsr), mxcsr, false);
}

/** CVTTSS2SI with a 64-bit destination. */
export function f32_to_i64_truncate(a: u32, mxcsr: u32): i64 {
  return toInteger(a as u64, 64, TRUNCATE, mxcsr, false);
}

/** CVTSI2SD from 64 bits (sign-extend 32), one lane of CVTDQ2PD. */
export function f64_from_i64(value: i64, mxcsr: u32): u64 {
  return fromInteger(value, mxcsr, true);
}

/** CVTSI2SS from 64 bits (sign-extend 32), one lane of CVTDQ2PS. */
export function f32_from_i64(value: i64, mxcsr: u32): u32 {
  return fromInteger(value, mxcsr, false) as u32;
}

/** ROUNDSD, one lane of ROUNDPD; control is the immediate byte. */
export function f64_round(a: u64, control: u32, mxcsr: u32): u64 {
  return roundBits(a, control, mxcsr, true);
}

/** ROUNDSS, one lane of ROUNDPS. */
export function f32_round(a: u32, control: u32, mxcsr: u32): u32 {
  return roundBits(a as u64, control, mxcsr, false) as u32;
}
