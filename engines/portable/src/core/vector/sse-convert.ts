// SSE conversions, by their codes in layout-sse.ts; flags gather in the soft floats.

import {
  SSE_F32_TO_F64, SSE_F32_TO_I32, SSE_F32_TO_I64, SSE_F64_TO_F32, SSE_F64_TO_I32, SSE_F64_TO_I64, SSE_I32_PAIR_TO_F32,
  SSE_I32_TO_F32, SSE_I64_TO_F32, SSE_I64_TO_F64, SSE_PAIR, SSE_SCALAR, SSE_TRUNCATE,
} from "../../layout-sse";
import {
  f32_from_f64, f32_from_i64, f32_to_i32, f32_to_i32_truncate, f32_to_i64, f32_to_i64_truncate, f64_from_f32, f64_from_i64,
  f64_to_i32, f64_to_i32_truncate, f64_to_i64, f64_to_i64_truncate,
} from "../float/sse-convert";

/** Converts the elements of `b`. A scalar conversion to a float keeps the rest of `a`; elsewhere it is cleared. */
export function convertElements(code: u32, result: usize, a: usize, b: usize, mxcsr: u32): void {
  const operation = code & 0xff;
  const scalar = (code & SSE_SCALAR) != 0;
  const keeps = scalar && operation <= <u32>SSE_I64_TO_F64;
  store<u64>(result, keeps ? load<u64>(a) : 0);
  store<u64>(result, keeps ? load<u64>(a, 8) : 0, 8);
  const elements: usize = scalar ? 1 : elementsOf(operation, code);
  for (let i: usize = 0; i < elements; i++) convertElement(operation, (code & SSE_TRUNCATE) != 0, result, b, i, mxcsr);
}

function elementsOf(operation: u32, code: u32): usize {
  if ((code & SSE_PAIR) != 0) return 2;
  return operation == SSE_I32_TO_F32 || operation == SSE_F32_TO_I32 ? 4 : 2;
}

function convertElement(operation: u32, truncate: bool, result: usize, b: usize, i: usize, mxcsr: u32): void {
  const at4 = i << 2;
  const at8 = i << 3;
  switch (operation) {
    case SSE_F32_TO_F64:
      store<u64>(result + at8, f64_from_f32(load<u32>(b + at4), mxcsr));
      break;
    case SSE_F64_TO_F32:
      store<u32>(result + at4, f32_from_f64(load<u64>(b + at8), mxcsr));
      break;
    case SSE_I32_TO_F32:
    case SSE_I32_PAIR_TO_F32:
      store<u32>(result + at4, f32_from_i64(load<i32>(b + at4), mxcsr));
      break;
    case SSE_I64_TO_F32:
      store<u32>(result + at4, f32_from_i64(load<i64>(b + at8), mxcsr));
      break;
    case SSE_I64_TO_F64:
      store<u64>(result + at8, f64_from_i64(load<i64>(b + at8), mxcsr));
      break;
    default:
      toInteger(operation, truncate, result, b, i, mxcsr);
  }
}

function toInteger(operation: u32, truncate: bool, result: usize, b: usize, i: usize, mxcsr: u32): void {
  const at4 = i << 2;
  const at8 = i << 3;
  switch (operation) {
    case SSE_F32_TO_I32: {
      const value = load<u32>(b + at4);
      store<i32>(result + at4, truncate ? f32_to_i32_truncate(value, mxcsr) : f32_to_i32(value, mxcsr));
      break;
    }
    case SSE_F64_TO_I32: {
      const value = load<u64>(b + at8);
      store<i32>(result + at4, truncate ? f64_to_i32_truncate(value, mxcsr) : f64_to_i32(value, mxcsr));
      break;
    }
    case SSE_F32_TO_I64: {
      const value = load<u32>(b + at4);
      store<i64>(result + at8, truncate ? f32_to_i64_truncate(value, mxcsr) : f32_to_i64(value, mxcsr));
      break;
    }
    case SSE_F64_TO_I64: {
      const value = load<u64>(b + at8);
      store<i64>(result + at8, truncate ? f64_to_i64_truncate(value, mxcsr) : f64_to_i64(value, mxcsr));
      break;
    }
  }
}
