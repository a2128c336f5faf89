// Every instruction the portable engine knows. The order of PSEUDO fixes table slots; all others are free.

import { ARITHMETIC } from "./arithmetic.ts";
import { BITS } from "./bits.ts";
import { CONTROL } from "./control.ts";
import type { Instruction } from "./lowering.ts";
import { MOVE } from "./move.ts";
import { MULTIPLY } from "./multiply.ts";
import { PSEUDO } from "./pseudo.ts";
import { SHIFT } from "./shift.ts";
import { STACK } from "./stack.ts";
import { STRING } from "./string.ts";
import { SYSTEM } from "./system.ts";
import { VECTOR } from "./vector.ts";
import { X87 } from "./x87.ts";

export const INSTRUCTIONS: readonly Instruction[] = [
  ...PSEUDO,
  ...ARITHMETIC,
  ...SHIFT,
  ...MULTIPLY,
  ...MOVE,
  ...BITS,
  ...STACK,
  ...CONTROL,
  ...STRING,
  ...SYSTEM,
  ...X87,
  ...VECTOR,
];
