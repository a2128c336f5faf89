/*
 * Bits shared by the x87 status and control words and by MXCSR (Intel SDM vol. 1, §8.1 and §10.2.3).
 * Exception flags and condition codes keep their place in the x87 status word everywhere in this folder.
 */

/** Invalid operation. */
export const IE: u32 = 1;
/** Denormal operand. */
export const DE: u32 = 2;
/** Division by zero. */
export const ZE: u32 = 4;
/** Overflow. */
export const OE: u32 = 8;
/** Underflow. */
export const UE: u32 = 16;
/** Precision (inexact). */
export const PE: u32 = 32;

/** Condition codes, at their places in the x87 status word. C1 also means "rounded up". */
export const C0: u32 = 0x100;
export const C1: u32 = 0x200;
export const C2: u32 = 0x400;
export const C3: u32 = 0x4000;

/** Bit of a control argument: operand b was widened from a denormal f32 or f64 (see f80_from_f32_operand). */
export const DENORMAL_SOURCE: u32 = 0x10000;

/** Rounding modes as the control registers encode them. */
export const NEAREST: u32 = 0;
export const DOWN: u32 = 1;
export const UP: u32 = 2;
export const TRUNCATE: u32 = 3;

export const TOP_BIT: u64 = 0x8000000000000000;
export const QUIET_BIT: u64 = 0x4000000000000000;

/** Exponent bias of the 80-bit format; every unpacked number in this folder uses it. */
export const BIAS: i32 = 16383;
/** What an unmasked overflow or underflow takes off or puts on the exponent of a register result. */
export const WRAP: i32 = 24576;

/** The rounding mode of an x87 control word. */
export function roundingOf(fcw: u32): u32 {
  return (fcw >> 10) & 3;
}

/** How many low significand bits the precision control of an x87 control word discards: 0, 11 or 40. */
export function dropOf(fcw: u32): u32 {
  const precision = (fcw >> 8) & 3;
  return precision == 0 ? 40 : precision == 2 ? 11 : 0;
}

/** True when one of the pre-computation exceptions in flags is unmasked: the operation must not store. */
export function faultsBefore(flags: u32, masks: u32): bool {
  return (flags & ~masks & (IE | DE | ZE)) != 0;
}
