/*
 * COMIS, UCOMIS, CMPcc, MIN and MAX for one lane (Intel SDM vol. 2, under each). MIN and MAX give the
 * second operand when either is a NaN or both are zeros.
 */

import { IE } from "./bits";
import { denormalFaults, isNanBits, isSignallingBits, operand, raise, signOf } from "./sse-format";

/** Relations, as the ZF, PF and CF bits COMIS sets for them. */
const BELOW: u32 = 0x01;
const EQUAL: u32 = 0x40;
const UNORDERED: u32 = 0x45;

/** A number that orders as the operand does; both zeros give 0. */
function key(bits: u64, wide: bool): i64 {
  const rest = (wide ? bits & 0x7fffffffffffffff : bits & 0x7fffffff) as i64;
  return signOf(bits, wide) != 0 ? -rest : rest;
}

function relate(aRaw: u64, bRaw: u64, mxcsr: u32, quiet: bool, wide: bool): u32 {
  const a = operand(aRaw, mxcsr, wide);
  const b = operand(bRaw, mxcsr, wide);
  if (isNanBits(a, wide) || isNanBits(b, wide)) {
    if (!quiet || isSignallingBits(a, wide) || isSignallingBits(b, wide)) raise(IE);
    return UNORDERED;
  }
  denormalFaults(a, b, mxcsr, wide);
  const x = key(a, wide);
  const y = key(b, wide);
  return x < y ? BELOW : x == y ? EQUAL : 0;
}

/** CMPcc: predicate 0..7 = EQ, LT, LE, UNORD, NEQ, NLT, NLE, ORD. */
function holds(a: u64, b: u64, predicate: u32, mxcsr: u32, wide: bool): bool {
  const kind = predicate & 3;
  const relation = relate(a, b, mxcsr, kind == 0 || kind == 3, wide);
  let result = relation == UNORDERED;
  if (kind == 0) result = relation == EQUAL;
  else if (kind == 1) result = relation == BELOW;
  else if (kind == 2) result = relation == BELOW || relation == EQUAL;
  return (predicate & 4) == 0 ? result : !result;
}

function choose(a: u64, b: u64, mxcsr: u32, larger: bool, wide: bool): u64 {
  const relation = relate(a, b, mxcsr, false, wide);
  const takeA = larger ? relation == 0 : relation == BELOW;
  return operand(takeA ? a : b, mxcsr, wide);
}

/** COMISD (quiet = 0) or UCOMISD: ZF, PF and CF at their places in EFLAGS. */
export function f64_compare(a: u64, b: u64, mxcsr: u32, quiet: bool): u32 {
  return relate(a, b, mxcsr, quiet, true);
}

/** COMISS or UCOMISS. */
export function f32_compare(a: u32, b: u32, mxcsr: u32, quiet: bool): u32 {
  return relate(a as u64, b as u64, mxcsr, quiet, false);
}

/** CMPSD, one lane of CMPPD: all ones or zero. */
export function f64_compare_mask(a: u64, b: u64, predicate: u32, mxcsr: u32): u64 {
  return holds(a, b, predicate, mxcsr, true) ? u64.MAX_VALUE : 0;
}

/** CMPSS, one lane of CMPPS: all ones or zero. */
export function f32_compare_mask(a: u32, b: u32, predicate: u32, mxcsr: u32): u32 {
  return holds(a as u64, b as u64, predicate, mxcsr, false) ? u32.MAX_VALUE : 0;
}

/** MINSD, one lane of MINPD. */
export function f64_min(a: u64, b: u64, mxcsr: u32): u64 {
  return choose(a, b, mxcsr, false, true);
}

/** MAXSD, one lane of MAXPD. */
export function f64_max(a: u64, b: u64, mxcsr: u32): u64 {
  return choose(a, b, mxcsr, true, true);
}

/** MINSS, one lane of MINPS. */
export function f32_min(a: u32, b: u32, mxcsr: u32): u32 {
  return choose(a as u64, b as u64, mxcsr, false, false) as u32;
}

/** MAXSS, one lane of MAXPS. */
export function f32_max(a: u32, b: u32, mxcsr: u32): u32 {
  return choose(a as u64, b as u64, mxcsr, true, false) as u32;
}
