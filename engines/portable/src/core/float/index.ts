/*
 * Exact soft floats for the x87 and for SSE outside its default mode (IEEE 754-2008; Intel SDM vol. 1, §4.8
 * and §8). Pure functions over values and operands in linear memory; no allocation, no static data; Wasm
 * globals carry second results. The compiler refuses import suffixes, so this folder has none.
 *
 * Numbers of 80 bits lie in memory as the x87 stores them: u64 significand at +0, u16 sign and exponent at
 * +8. dst, a, b are addresses and may be the same. fcw is the x87 control word as the guest set it: rounding,
 * precision and masks are all obeyed.
 *
 * Returned u32 = what to OR into the status word: IE 1, DE 2, ZE 4, OE 8, UE 16, PE 32, C0 0x100, C1 0x200
 * (rounded up), C2 0x400, C3 0x4000. The caller clears C1 (compares, FXAM and FPREM: C0 to C3) before.
 * unmasked = returned & ~fcw & 0x3f:
 *   - IE, DE or ZE unmasked: nothing was stored; do not push or pop, set ES.
 *   - OE or UE unmasked: a register result is stored with its exponent moved by 24576; push or pop, set ES.
 *     A result for memory (f80_to_f32, f80_to_f64) is not stored; do not pop, set ES.
 *   - PE unmasked: the result is stored; push or pop, set ES.
 * Stack faults, tags, and writing guest memory are the caller's: let memory results go to scratch first.
 *
 *   f80_add, f80_sub, f80_mul, f80_div (dst, a, b, fcw): u32             dst = a op b; swap a and b for FSUBR, FDIVR
 *   f80_sqrt, f80_round_to_integer (dst, a, fcw): u32                     FSQRT, FRNDINT
 *   f80_remainder, f80_remainder_nearest (dst, a, b, fcw): u32            FPREM, FPREM1; C2, Q2 C0, Q1 C3, Q0 C1
 *   f80_scale (dst, a, b, fcw): u32                                       FSCALE, a = ST(0), b = ST(1)
 *   f80_extract (exponent, fraction, a, fcw): u32                         FXTRACT; fraction is the new ST(0)
 *   f80_compare, f80_compare_quiet (a, b, fcw): u32                       FCOM, FUCOM; C3 C2 C0 = ZF PF CF
 *   f80_classify (a): u32                                                 FXAM of a register that is not empty
 *   f80_load_zero, f80_load_one (dst): void                               FLDZ, FLD1
 *   f80_load_pi, _log2_10, _log2_e, _log10_2, _ln_2 (dst, fcw): void      FLDPI, FLDL2T, FLDL2E, FLDLG2, FLDLN2
 *   f80_from_i64 (dst, value: i64): void                                  FILD, FIADD … (sign-extend first)
 *   f80_from_f32 (dst, bits: u32): u32, f80_from_f64 (dst, bits: u64): u32      FLD m32, m64
 *   f80_from_f32_operand (dst, bits: u32): u32, f80_from_f64_operand (dst, bits: u64): u32
 *     operand of FADD m32 …: call f80_add(dst, a, scratch, fcw | f80_from_f32_operand(scratch, bits))
 *   f80_to_i16, f80_to_i32, f80_to_i64 (dst, a, fcw): u32                 FIST; 2, 4 or 8 bytes at dst
 *   f80_to_i16_truncate, f80_to_i32_truncate, f80_to_i64_truncate         FISTTP, likewise
 *   f80_to_f32, f80_to_f64 (dst, a, fcw): u32                             FST m32, m64; 4 or 8 bytes at dst
 *   f80_from_decimal (dst, source): void, f80_to_decimal (dst, a, fcw): u32     FBLD, FBSTP; 10 bytes
 *   f80_sine, f80_cosine, f80_power (dst, a, fcw): u32                    FSIN, FCOS, F2XM1; C2: left alone, |a| >= 2^63
 *   f80_sine_cosine (sine, cosine, a, fcw): u32                           FSINCOS; push the cosine unless C2 or a fault
 *   f80_tangent (tangent, one, a, fcw): u32                               FPTAN; push `one` (1.0 or a NaN) likewise
 *   f80_arctangent, f80_logarithm, f80_logarithm_plus_one (dst, y, x, fcw): u32
 *                                                                         FPATAN, FYL2X, FYL2XP1; y = ST(1), x = ST(0)
 * The transcendental ones are within 0.5001 ulp of the exact value (with pi of 66 bits for FSIN to FPTAN), which
 * is within one unit of what hosts return; their C1 is that of the exact value's rounding.
 * In the two functions with two destinations neither may be a.
 * FLD m80, FSTP m80, FABS, FCHS, FXCH and FCMOV only move bits. FTST is f80_compare with a zero.
 *
 * SSE, one lane at a time: numbers as bit patterns (u32 or u64), mxcsr as the guest set it; rounding, masks,
 * flush-to-zero and denormals-are-zeros are obeyed. Flags gather (like MXCSR's) until taken:
 *
 *   float_take_flags (): u32                                              IE … PE since the last call, cleared
 *   f64_add, f64_sub, f64_mul, f64_div, f64_min, f64_max (a, b, mxcsr): u64
 *   f64_sqrt (a, mxcsr): u64, f64_round (a, imm8, mxcsr): u64             SQRTSD, ROUNDSD
 *   f64_compare (a, b, mxcsr, quiet: bool): u32                           COMISD, UCOMISD; ZF 0x40, PF 4, CF 1
 *   f64_compare_mask (a, b, predicate, mxcsr): u64                        CMPSD, predicate 0..7; 0 or all ones
 *   f64_to_i32, f64_to_i32_truncate (a, mxcsr): i32                       CVTSD2SI, CVTTSD2SI
 *   f64_to_i64, f64_to_i64_truncate (a, mxcsr): i64
 *   f64_from_i64 (value: i64, mxcsr): u64                                 CVTSI2SD, 32 bits sign-extended first
 *   f64_from_f32 (a: u32, mxcsr): u64, f32_from_f64 (a: u64, mxcsr): u32  CVTSS2SD, CVTSD2SS
 *   f32_…                                                                 the same with u32 patterns
 *
 * Per instruction: flags = float_take_flags() after all its lanes; with masks = mxcsr >> 7, when
 * flags & ~masks & 7 is not zero only flags & 7 count (a fault before computing hides the rest). Flags go into
 * MXCSR in any case; when flags & ~masks & 0x3f is not zero nothing is written and #XM is raised.
 */

export { f80_arctangent } from "./f80-arctangent";
export { f80_add, f80_div, f80_mul, f80_sqrt, f80_sub } from "./f80-arith";
export { f80_classify, f80_compare, f80_compare_quiet } from "./f80-compare";
export {
  f80_load_ln_2,
  f80_load_log10_2,
  f80_load_log2_10,
  f80_load_log2_e,
  f80_load_one,
  f80_load_pi,
  f80_load_zero,
} from "./f80-constant";
export { f80_from_decimal, f80_to_decimal } from "./f80-decimal";
export { f80_power } from "./f80-exponential";
export {
  f80_from_i64,
  f80_round_to_integer,
  f80_to_i16,
  f80_to_i16_truncate,
  f80_to_i32,
  f80_to_i32_truncate,
  f80_to_i64,
  f80_to_i64_truncate,
} from "./f80-integer";
export { f80_logarithm, f80_logarithm_plus_one } from "./f80-logarithm";
export {
  f80_from_f32,
  f80_from_f32_operand,
  f80_from_f64,
  f80_from_f64_operand,
  f80_to_f32,
  f80_to_f64,
} from "./f80-narrow";
export { f80_remainder, f80_remainder_nearest } from "./f80-remainder";
export { f80_extract, f80_scale } from "./f80-scale";
export { f80_cosine, f80_sine, f80_sine_cosine, f80_tangent } from "./f80-sine";
export { f32_add, f32_div, f32_mul, f32_sqrt, f32_sub, f64_add, f64_div, f64_mul, f64_sqrt, f64_sub } from "./sse-arith";
export {
  f32_compare,
  f32_compare_mask,
  f32_max,
  f32_min,
  f64_compare,
  f64_compare_mask,
  f64_max,
  f64_min,
} from "./sse-compare";
export {
  f32_from_f64,
  f32_from_i64,
  f32_round,
  f32_to_i32,
  f32_to_i32_truncate,
  f32_to_i64,
  f32_to_i64_truncate,
  f64_from_f32,
  f64_from_i64,
  f64_round,
  f64_to_i32,
  f64_to_i32_truncate,
  f64_to_i64,
  f64_to_i64_truncate,
} from "./sse-convert";
export { float_take_flags } from "./sse-format";
