/*
 * FPATAN: the angle of the point (x, y) in all four quadrants (Intel SDM vol. 2). The smaller coordinate
 * over the larger is brought within 1/32 of a sixteenth, whose arc tangent is in a table; pi is the true one.
 */

import { resultExp, resultHi, resultLo, resultSign, setNormalised } from "./arith";
import { BIAS, faultsBefore } from "./bits";
import {
  denormalFlag,
  expOf,
  isNan,
  isUnsupported,
  normalExp,
  normalSig,
  propagate,
  seOf,
  sigOf,
  store80,
} from "./f80-format";
import { scaleDown, setQuotient, squareFraction, storeInexact } from "./f80-transcendental";
import { fractionLo } from "./fraction";
import { arctangentSeries } from "./series";
import { arctangentOf, tableLo } from "./tables";
import { multiplyWide, shiftLeftWide, shiftRightJam, wideLo } from "./wide";

/** Quarter turns in units of 2^-126: pi / 4 times 1, 2, 3 and 4. */
function quarterTurns(count: u32): u64 {
  turnLo = count == 1 ? 0x313198a2e0370734 : count == 2 ? 0x62633145c06e0e69 : 0xc4c6628b80dc1cd1;
  if (count == 3) turnLo = 0x9394c9e8a0a5159d;
  if (count == 1) return 0x3243f6a8885a308d;
  return count == 2 ? 0x6487ed5110b4611a : count == 3 ? 0x96cbe3f9990e91a7 : 0xc90fdaa22168c234;
}
let turnLo: u64 = 0;

/** An angle in units of 2^-126 as the current result. */
function setAngle(sign: u32, hi: u64, lo: u64): void {
  setNormalised(sign, BIAS + 1, hi, lo);
}

/** The nearest sixteenth to a / b, both normalised significands, b the larger by 2^distance. */
function nearestSixteenth(a: u64, b: u64, distance: i32): i32 {
  if (distance > 6) return 0;
  const ratio = (a >> 11) as f64 / ((b >> 11) as f64);
  return nearest<f64>((ratio * 16) / (((1 as u64) << (distance as u64)) as f64)) as i32;
}

/** The current result becomes (16 a - i b) / (16 b + i a): the tangent of what is left beyond atan(i / 16). */
function setRemainder(a: u64, b: u64, distance: i32, index: i32): void {
  const bHi = shiftLeftWide(0, b, distance as u32);
  const bLo = wideLo;
  const ibCarry = multiplyWide(bLo, index as u64);
  const ibLo = wideLo;
  const ibHi = bHi * (index as u64) + ibCarry;
  const iaHi = multiplyWide(a, index as u64);
  const iaLo = wideLo;
  const aHi = a >> 60;
  const aLo = a << 4;
  const negative = aHi < ibHi || (aHi == ibHi && aLo < ibLo);
  const numHi = negative ? ibHi - aHi - u64(ibLo < aLo) : aHi - ibHi - u64(aLo < ibLo);
  const numLo = negative ? ibLo - aLo : aLo - ibLo;
  const denLo = (bLo << 4) + iaLo;
  const denHi = ((bHi << 4) | (bLo >> 60)) + iaHi + u64(denLo < iaLo);
  setNormalised(0, BIAS, denHi, denLo);
  const exp = resultExp;
  const hi = resultHi;
  const lo = resultLo;
  setNormalised(u32(negative), BIAS, numHi, numLo);
  if (resultHi != 0) setQuotient(resultSign, resultExp, resultHi, resultLo, exp, hi, lo);
}

/** The current result, at most about 1/32, becomes its arc tangent. */
function toArctangent(): void {
  const square = squareFraction();
  const hi = arctangentSeries(square, wideLo);
  scaleDown(hi, fractionLo);
}

/**
 * The current result becomes base + turn, for the angle it holds: base is in units of 2^-126 and positive,
 * the result has the given sign.
 */
function addToAngle(sign: u32, baseHi: u64, baseLo: u64, subtract: bool): void {
  const hi = shiftRightJam(resultHi, resultLo, (BIAS + 1 - resultExp) as u32);
  const lo = wideLo;
  if ((resultSign != 0) != subtract) {
    setAngle(sign, baseHi - hi - u64(baseLo < lo), baseLo - lo);
    return;
  }
  const low = baseLo + lo;
  setAngle(sign, baseHi + hi + u64(low < lo), low);
}

/** The angle of a point with finite nonzero coordinates becomes the current result. */
function setAngleOf(ySe: u32, ySig: u64, xSe: u32, xSig: u64): void {
  const sign = ySe >> 15;
  const left = (xSe & 0x8000) != 0;
  const yExp = normalExp(ySe, ySig);
  const xExp = normalExp(xSe, xSig);
  const yNormal = normalSig(ySig);
  const xNormal = normalSig(xSig);
  const steep = yExp > xExp || (yExp == xExp && yNormal > xNormal);
  const a = steep ? xNormal : yNormal;
  const b = steep ? yNormal : xNormal;
  const distance = steep ? yExp - xExp : xExp - yExp;
  const index = nearestSixteenth(a, b, distance);
  if (index == 0) setQuotient(0, BIAS - distance, a, 0, BIAS, b, 0);
  else setRemainder(a, b, distance, index);
  if (resultHi != 0) toArctangent();
  if (!steep && !left && index == 0) {
    setNormalised(sign, resultExp, resultHi, resultLo);
    return;
  }
  // Towards the axis the point is nearest to, the angle within the eighth counts down in half of the eighths.
  const subtract = steep != left;
  let hi = arctangentOf(index);
  let lo = tableLo;
  if (steep || left) {
    const turnHi = quarterTurns(steep ? 2 : 4);
    const low = subtract ? turnLo - lo : turnLo + lo;
    hi = subtract ? turnHi - hi - u64(turnLo < lo) : turnHi + hi + u64(low < lo);
    lo = low;
  }
  addToAngle(sign, hi, lo, subtract);
}

/** Quarter turns for a point on an axis or at infinity; 0 for the angle zero. */
function axisTurns(ySe: u32, ySig: u64, xSe: u32): u32 {
  const left = (xSe & 0x8000) != 0;
  const yInfinite = expOf(ySe) == 0x7fff;
  if (expOf(xSe) == 0x7fff) return yInfinite ? (left ? 3 : 1) : left ? 4 : 0;
  if (yInfinite) return 2;
  return ySig != 0 ? 2 : left ? 4 : 0;
}

/** dst = angle of (x, y) (FPATAN: y = ST(1), x = ST(0); the result replaces ST(1), then ST(0) is popped). */
export function f80_arctangent(dst: usize, y: usize, x: usize, fcw: u32): u32 {
  const ySe = seOf(y);
  const xSe = seOf(x);
  const ySig = sigOf(y);
  const xSig = sigOf(x);
  const unsupported = isUnsupported(ySe, ySig) || isUnsupported(xSe, xSig);
  if (unsupported || isNan(ySe, ySig) || isNan(xSe, xSig)) return propagate(dst, x, y, fcw);
  const flags = denormalFlag(ySe, ySig, xSe, xSig, 0);
  if (faultsBefore(flags, fcw)) return flags;
  if (ySig != 0 && xSig != 0 && expOf(ySe) != 0x7fff && expOf(xSe) != 0x7fff) {
    setAngleOf(ySe, ySig, xSe, xSig);
    return storeInexact(dst, fcw, flags);
  }
  const turns = axisTurns(ySe, ySig, xSe);
  if (turns == 0) {
    store80(dst, ySe & 0x8000, 0);
    return flags;
  }
  const hi = quarterTurns(turns);
  setAngle(ySe >> 15, hi, turnLo);
  return storeInexact(dst, fcw, flags);
}
