// Bitwise operations, integer comparisons, PTEST. SDM volume 2: PAND PANDN POR PXOR ANDPS … XORPD PCMPEQ* PCMPGT* PTEST.

import { i32 } from "../../encoder/expressions.ts";
import { setFlagsFromByte } from "../flags.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";
import { bits, i16x8, i32x4, i64x2, i8x16 } from "./lanes.ts";
import { binary, readVector, vectorAndMmx, vectorOnly, type VectorOperation } from "./operands.ts";

/** The float forms do the same as the integer ones. */
const floatForms = (name: string, opcode: string, operation: VectorOperation): Instruction[] => [
  instruction(`${name}ps`, [`np 0f ${opcode} Vx,Wx`], binary(operation)),
  instruction(`${name}pd`, [`66 0f ${opcode} Vx,Wx`], binary(operation)),
];

const andNot: VectorOperation = (a, b) => bits.andNot(b, a);

/** PTEST: ZF when no bit is in both, CF when the source has no bit outside the destination; the others are cleared. */
function testVector(m: Lowering): void {
  const b = readVector(m, 1);
  const a = m.read(0);
  const zf = i32.eqz(bits.any(bits.and(a, b)));
  const cf = i32.eqz(bits.any(bits.andNot(b, a)));
  setFlagsFromByte(m, i32.or(i32.shl(zf, i32.const(6)), cf), i32.const(0));
}

export const SSE_LOGIC = [
  vectorAndMmx("pand", "db", bits.and),
  vectorAndMmx("pandn", "df", andNot),
  vectorAndMmx("por", "eb", bits.or),
  vectorAndMmx("pxor", "ef", bits.xor),
  ...floatForms("and", "54", bits.and),
  ...floatForms("andn", "55", andNot),
  ...floatForms("or", "56", bits.or),
  ...floatForms("xor", "57", bits.xor),
  vectorAndMmx("pcmpeqb", "74", i8x16.eq),
  vectorAndMmx("pcmpeqw", "75", i16x8.eq),
  vectorAndMmx("pcmpeqd", "76", i32x4.eq),
  vectorOnly("pcmpeqq", "38 29", i64x2.eq),
  vectorAndMmx("pcmpgtb", "64", i8x16.gtS),
  vectorAndMmx("pcmpgtw", "65", i16x8.gtS),
  vectorAndMmx("pcmpgtd", "66", i32x4.gtS),
  vectorOnly("pcmpgtq", "38 37", i64x2.gtS),
  instruction("ptest", ["66 0f 38 17 Vx,Wx"], testVector),
];
