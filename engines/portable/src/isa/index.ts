// Every instruction the portable engine knows. The order of PSEUDO fixes table slots; all others are free.

import { ARITHMETIC } from "./integer/arithmetic.ts";
import { BITS } from "./integer/bits.ts";
import { CONTROL } from "./system/control.ts";
import type { Instruction } from "./lowering.ts";
import { MOVE } from "./integer/move.ts";
import { MULTIPLY } from "./integer/multiply.ts";
import { PSEUDO } from "./pseudo.ts";
import { SHIFT } from "./integer/shift.ts";
import { STACK } from "./system/stack.ts";
import { STRING } from "./integer/string.ts";
import { SYSTEM } from "./system/system.ts";
import { VECTOR } from "./vector.ts";
import { X87 } from "./x87/x87.ts";

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
