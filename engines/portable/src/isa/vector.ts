// All vector instructions: MMX, SSE to SSE4.2.

import type { Instruction } from "./lowering.ts";
import { MMX_CONVERSION } from "./mmx/convert.ts";
import { MMX_MOVE } from "./mmx/move.ts";
import { SSE_ARITHMETIC } from "./sse/arithmetic.ts";
import { SSE_COMPARISON } from "./sse/compare.ts";
import { SSE_CONTROL } from "./sse/control.ts";
import { SSE_CONVERSION } from "./sse/convert.ts";
import { SSE_INTEGER } from "./sse/integer.ts";
import { SSE_LANE_ACCESS } from "./sse/lane-access.ts";
import { SSE_LOGIC } from "./sse/logic.ts";
import { SSE_MOVE } from "./sse/move.ts";
import { SSE_PACK } from "./sse/pack.ts";
import { SSE_ROUNDING } from "./sse/round.ts";
import { SSE_SHIFT } from "./sse/shift.ts";
import { SSE_SHUFFLE } from "./sse/shuffle.ts";
import { SSE_STRING } from "./sse/string-compare.ts";

export const VECTOR: readonly Instruction[] = [
  ...MMX_MOVE,
  ...MMX_CONVERSION,
  ...SSE_MOVE,
  ...SSE_CONTROL,
  ...SSE_ARITHMETIC,
  ...SSE_COMPARISON,
  ...SSE_CONVERSION,
  ...SSE_ROUNDING,
  ...SSE_INTEGER,
  ...SSE_LOGIC,
  ...SSE_SHIFT,
  ...SSE_PACK,
  ...SSE_SHUFFLE,
  ...SSE_LANE_ACCESS,
  ...SSE_STRING,
];
