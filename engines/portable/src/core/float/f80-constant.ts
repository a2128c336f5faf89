/*
 * FLD1, FLDZ and the five irrational constants (Intel SDM vol. 1, §8.3.4). The hardware keeps them with
 * more than 64 bits and rounds by RC, without raising PE; precision control does not matter.
 */

import { NEAREST, roundingOf, UP } from "./bits";
import { store80 } from "./f80-format";

/** Stores a constant whose bits are `below` followed by a part under (or over) one half. */
function storeConstant(dst: usize, se: u32, below: u64, nearestIsAbove: bool, fcw: u32): void {
  const rounding = roundingOf(fcw);
  const above = rounding == UP || (rounding == NEAREST && nearestIsAbove);
  store80(dst, se, above ? below + 1 : below);
}

/** FLD1. */
export function f80_load_one(dst: usize): void {
  store80(dst, 0x3fff, 0x8000000000000000);
}

/** FLDZ. */
export function f80_load_zero(dst: usize): void {
  store80(dst, 0, 0);
}

/** FLDL2T: the binary logarithm of ten. */
export function f80_load_log2_10(dst: usize, fcw: u32): void {
  storeConstant(dst, 0x4000, 0xd49a784bcd1b8afe, false, fcw);
}

/** FLDL2E: the binary logarithm of e. */
export function f80_load_log2_e(dst: usize, fcw: u32): void {
  storeConstant(dst, 0x3fff, 0xb8aa3b295c17f0bb, true, fcw);
}

/** FLDPI. */
export function f80_load_pi(dst: usize, fcw: u32): void {
  storeConstant(dst, 0x4000, 0xc90fdaa22168c234, true, fcw);
}

/** FLDLG2: the decimal logarithm of two. */
export function f80_load_log10_2(dst: usize, fcw: u32): void {
  storeConstant(dst, 0x3ffd, 0x9a209a84fbcff798, true, fcw);
}

/** FLDLN2: the natural logarithm of two. */
export function f80_load_ln_2(dst: usize, fcw: u32): void {
  storeConstant(dst, 0x3ffe, 0xb17217f7d1cf79ab, true, fcw);
}
