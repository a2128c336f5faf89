// SSE float operations under an MXCSR that asks for more than rounding to nearest with every exception masked. SDM volume 1,
// §10.2.3 and §11.5.
//
// Unlike the inline path this one keeps MXCSR's sticky flags and raises unmasked exceptions.

import { CPU_FLOAT_SCRATCH, CPU_MXCSR } from "../../layout";
import { SSE_DOUBLE, SSE_F32_TO_F64, SSE_RESULT, SSE_SCALAR } from "../../layout-sse";
import { convertElements } from "./sse-convert";
import { doubleElement, singleElement } from "./sse-element";
import { mayShortCut, shortCutDouble, shortCutResult, shortCutSingle } from "./sse-flush";
import { float_take_flags } from "../float/sse-format";
import { CR4_OSXMMEXCPT, cr4, NEXT, raise, VECTOR_UD, VECTOR_XM } from "../state";

/** Invalid, denormal and divide-by-zero: found before there is a result. */
const BEFORE_RESULT: u32 = 7;

/** Operation `code` of layout-sse.ts on the vectors a and b; the result goes to the scratch area. */
export function sseFloat(cpu: usize, uop: usize, code: u32, aLow: u64, aHigh: u64, bLow: u64, bHigh: u64): u32 {
  const mxcsr = load<u32>(cpu, CPU_MXCSR);
  const result = cpu + CPU_FLOAT_SCRATCH + SSE_RESULT;
  const a = cpu + CPU_FLOAT_SCRATCH;
  const b = a + 16;
  store<u64>(a, aLow);
  store<u64>(a, aHigh, 8);
  store<u64>(b, bLow);
  store<u64>(b, bHigh, 8);
  float_take_flags();
  if ((code & 0xff) >= <u32>SSE_F32_TO_F64) convertElements(code, result, a, b, mxcsr);
  else operateElements(code, result, a, b, mxcsr);
  return settleFlags(cpu, mxcsr, float_take_flags());
}

function operateElements(code: u32, result: usize, a: usize, b: usize, mxcsr: u32): void {
  const operation = code & 0xff;
  const immediate = code >> 16;
  const shortCut = mayShortCut(mxcsr);
  const end: usize = (code & SSE_SCALAR) == 0 ? 16 : (code & SSE_DOUBLE) != 0 ? 8 : 4;
  store<u64>(result, load<u64>(a));
  store<u64>(result, load<u64>(a, 8), 8);
  if ((code & SSE_DOUBLE) != 0) {
    for (let at: usize = 0; at < end; at += 8) {
      const x = load<u64>(a + at);
      const y = load<u64>(b + at);
      if (shortCut && shortCutDouble(operation, x, y)) store<u64>(result + at, shortCutResult);
      else store<u64>(result + at, doubleElement(operation, <u32>at >> 3, x, y, immediate, mxcsr));
    }
  } else {
    for (let at: usize = 0; at < end; at += 4) {
      const x = load<u32>(a + at);
      const y = load<u32>(b + at);
      if (shortCut && shortCutSingle(operation, x, y)) store<u32>(result + at, <u32>shortCutResult);
      else store<u32>(result + at, singleElement(operation, <u32>at >> 2, x, y, immediate, mxcsr));
    }
  }
}

/** Makes flags sticky; an unmasked one raises #XM, and then those that need a result are not set if one came before it. */
function settleFlags(cpu: usize, mxcsr: u32, flags: u32): u32 {
  const unmasked = flags & ~((mxcsr >> 7) & 0x3f);
  const kept = (unmasked & BEFORE_RESULT) != 0 ? flags & BEFORE_RESULT : flags;
  store<u32>(cpu, mxcsr | kept, CPU_MXCSR);
  if (unmasked == 0) return NEXT;
  return raise(cpu, (cr4(cpu) & CR4_OSXMMEXCPT) != 0 ? VECTOR_XM : VECTOR_UD, 0);
}
