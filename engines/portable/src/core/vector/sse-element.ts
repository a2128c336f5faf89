// One element of an SSE float operation, by its code in layout-sse.ts; flags gather in the soft floats.

import {
  SSE_ADD, SSE_ADDSUB, SSE_COMPARE, SSE_COMPARE_ORDERED, SSE_COMPARE_UNORDERED, SSE_DIV, SSE_MAX, SSE_MIN, SSE_MUL, SSE_ROUND,
  SSE_SQRT, SSE_SUB,
} from "../../layout-sse";
import {
  f32_add, f32_div, f32_mul, f32_sqrt, f32_sub, f64_add, f64_div, f64_mul, f64_sqrt, f64_sub,
} from "../float/sse-arith";
import {
  f32_compare, f32_compare_mask, f32_max, f32_min, f64_compare, f64_compare_mask, f64_max, f64_min,
} from "../float/sse-compare";
import { f32_round, f64_round } from "../float/sse-convert";

export function singleElement(operation: u32, index: u32, a: u32, b: u32, immediate: u32, mxcsr: u32): u32 {
  switch (operation) {
    case SSE_ADD: return f32_add(a, b, mxcsr);
    case SSE_SUB: return f32_sub(a, b, mxcsr);
    case SSE_MUL: return f32_mul(a, b, mxcsr);
    case SSE_DIV: return f32_div(a, b, mxcsr);
    case SSE_MIN: return f32_min(a, b, mxcsr);
    case SSE_MAX: return f32_max(a, b, mxcsr);
    case SSE_SQRT: return f32_sqrt(b, mxcsr);
    case SSE_ADDSUB: return (index & 1) != 0 ? f32_add(a, b, mxcsr) : f32_sub(a, b, mxcsr);
    case SSE_COMPARE: return f32_compare_mask(a, b, immediate, mxcsr);
    case SSE_COMPARE_ORDERED: return f32_compare(a, b, mxcsr, false);
    case SSE_COMPARE_UNORDERED: return f32_compare(a, b, mxcsr, true);
    case SSE_ROUND: return f32_round(b, immediate, mxcsr);
  }
  return unreachable();
}

export function doubleElement(operation: u32, index: u32, a: u64, b: u64, immediate: u32, mxcsr: u32): u64 {
  switch (operation) {
    case SSE_ADD: return f64_add(a, b, mxcsr);
    case SSE_SUB: return f64_sub(a, b, mxcsr);
    case SSE_MUL: return f64_mul(a, b, mxcsr);
    case SSE_DIV: return f64_div(a, b, mxcsr);
    case SSE_MIN: return f64_min(a, b, mxcsr);
    case SSE_MAX: return f64_max(a, b, mxcsr);
    case SSE_SQRT: return f64_sqrt(b, mxcsr);
    case SSE_ADDSUB: return (index & 1) != 0 ? f64_add(a, b, mxcsr) : f64_sub(a, b, mxcsr);
    case SSE_COMPARE: return f64_compare_mask(a, b, immediate, mxcsr);
    case SSE_COMPARE_ORDERED: return f64_compare(a, b, mxcsr, false);
    case SSE_COMPARE_UNORDERED: return f64_compare(a, b, mxcsr, true);
    case SSE_ROUND: return f64_round(b, immediate, mxcsr);
  }
  return unreachable();
}
