// A short cut for programs that run with MXCSR.FZ or DAZ set and the rest as usual (compilers' "fast math" does that): where
// neither operands nor the result are denormal, those bits change nothing and the host's own arithmetic gives the answer.
// As on the inline path DE, UE and PE are not kept then.

import { SSE_ADD, SSE_DIV, SSE_MUL, SSE_SQRT, SSE_SUB } from "../../layout-sse";

/** The result of the last short cut that was taken. */
export let shortCutResult: u64 = 0;

const FLUSH_BITS: u32 = 0x8040;
const CONTROL_BITS: u32 = 0xff80 | 0x40;

/** Rounding to nearest, everything masked, and one of the two bits set. */
export function mayShortCut(mxcsr: u32): bool {
  return (mxcsr & FLUSH_BITS) != 0 && (mxcsr & CONTROL_BITS & ~FLUSH_BITS) == 0x1f80;
}

/** Zero only where it is exact, else neither denormal nor the smallest normal number, infinite or a NaN. */
function isPlain(magnitude: u64, smallest: u64, infinity: u64, operation: u32, zeroOperand: bool): bool {
  if (magnitude == 0) return operation == SSE_ADD || operation == SSE_SUB || zeroOperand;
  return magnitude > smallest && magnitude < infinity;
}

/** Takes the short cut for one double if it can: then `shortCutResult` is set. */
export function shortCutDouble(operation: u32, a: u64, b: u64): bool {
  const smallest: u64 = 0x10000000000000;
  const magnitudeA = a & 0x7fffffffffffffff;
  const magnitudeB = b & 0x7fffffffffffffff;
  if (magnitudeA - 1 < smallest - 1 || magnitudeB - 1 < smallest - 1) return false;
  const x = reinterpret<f64>(a);
  const y = reinterpret<f64>(b);
  let value: f64;
  if (operation == SSE_ADD) value = x + y;
  else if (operation == SSE_SUB) value = x - y;
  else if (operation == SSE_MUL) value = x * y;
  else if (operation == SSE_DIV) value = x / y;
  else if (operation == SSE_SQRT) value = sqrt<f64>(y);
  else return false;
  shortCutResult = reinterpret<u64>(value);
  const zeroOperand = magnitudeA == 0 || magnitudeB == 0;
  return isPlain(shortCutResult & 0x7fffffffffffffff, smallest, 0x7ff0000000000000, operation, zeroOperand);
}

/** The same for one single. */
export function shortCutSingle(operation: u32, a: u32, b: u32): bool {
  const smallest: u32 = 0x800000;
  const magnitudeA = a & 0x7fffffff;
  const magnitudeB = b & 0x7fffffff;
  if (magnitudeA - 1 < smallest - 1 || magnitudeB - 1 < smallest - 1) return false;
  const x = reinterpret<f32>(a);
  const y = reinterpret<f32>(b);
  let value: f32;
  if (operation == SSE_ADD) value = x + y;
  else if (operation == SSE_SUB) value = x - y;
  else if (operation == SSE_MUL) value = x * y;
  else if (operation == SSE_DIV) value = x / y;
  else if (operation == SSE_SQRT) value = sqrt<f32>(y);
  else return false;
  shortCutResult = reinterpret<u32>(value);
  const zeroOperand = magnitudeA == 0 || magnitudeB == 0;
  return isPlain(shortCutResult & 0x7fffffff, smallest, 0x7f800000, operation, zeroOperand);
}
