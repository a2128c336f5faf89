// Codes of the SSE floating-point operations that the core does when MXCSR asks for more than rounding to nearest with all
// exceptions masked: written by isa/sse, read by core/vector/sse.ts. Like layout.ts this file is read by both languages.
//
//   code = operation | SSE_DOUBLE | SSE_SCALAR | immediate << 16        the result is at CPU_FLOAT_SCRATCH + SSE_RESULT

export const SSE_RESULT = 48;

/** Elements are doubles. Conversions name their source and target themselves. */
export const SSE_DOUBLE = 0x100;
/** Only element 0; the rest of the result is the first operand's. */
export const SSE_SCALAR = 0x200;

export const SSE_ADD = 0;
export const SSE_SUB = 1;
export const SSE_MUL = 2;
export const SSE_DIV = 3;
export const SSE_MIN = 4;
export const SSE_MAX = 5;
/** The root of the second operand. */
export const SSE_SQRT = 6;
/** Even elements are subtracted, odd ones added. */
export const SSE_ADDSUB = 7;
/** CMPPS and relatives: the immediate is the predicate; elements become masks. */
export const SSE_COMPARE = 8;
/** COMISS, UCOMISS: the result's low byte is ZF, PF and CF at their places in RFLAGS. */
export const SSE_COMPARE_ORDERED = 9;
export const SSE_COMPARE_UNORDERED = 10;
/** ROUNDPS and relatives: the second operand, the immediate is theirs. */
export const SSE_ROUND = 11;

// Conversions of the second operand. Packed ones fill the result, unneeded elements with zero.
export const SSE_F32_TO_F64 = 16;
export const SSE_F64_TO_F32 = 17;
export const SSE_I32_TO_F32 = 18;
/** Two integers to single precision, with MMX operands. */
export const SSE_I32_PAIR_TO_F32 = 19;
export const SSE_I64_TO_F32 = 20;
export const SSE_I64_TO_F64 = 21;
export const SSE_F32_TO_I32 = 22;
export const SSE_F64_TO_I32 = 23;
export const SSE_F32_TO_I64 = 24;
export const SSE_F64_TO_I64 = 25;
/** Conversions to integers: towards zero whatever MXCSR says. */
export const SSE_TRUNCATE = 0x400;
/** Only the two low elements are converted (MMX results). */
export const SSE_PAIR = 0x800;
