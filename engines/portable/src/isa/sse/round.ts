// ROUNDPS ROUNDPD ROUNDSS ROUNDSD. SDM volume 2. The immediate: rounding mode in bits 1:0, bit 2 takes MXCSR's instead (to
// nearest on the fast path), bit 3 keeps the precision exception down.

import { type Expr, i32 } from "../../encoder/expressions.ts";
import { SSE_DOUBLE, SSE_ROUND, SSE_SCALAR } from "../../layout-sse.ts";
import { instruction, type Lowering } from "../lowering.ts";
import {
  DOUBLE,
  type FastResult,
  finiteElement,
  finiteLanes,
  type Format,
  SINGLE,
  withControl,
} from "./float.ts";
import { readLow, readVector } from "./operands.ts";

function roundLanes(m: Lowering, format: Format, value: Expr, control: Expr): Expr {
  const { nearest, floor, ceil, trunc } = format.vector;
  const result = m.variable("v128", value);
  const mode = m.let(i32.and(control, i32.const(7)));
  const is = (n: number): Expr => i32.eq(mode, i32.const(n));
  const otherwise = (): void =>
    m.if(
      is(3),
      () => m.assign(result, trunc(value)),
      () => m.assign(result, nearest(value)),
    );
  m.if(
    is(1),
    () => m.assign(result, floor(value)),
    () => m.if(is(2), () => m.assign(result, ceil(value)), otherwise),
  );
  return result;
}

const round =
  (format: Format, scalar: boolean) =>
  (m: Lowering): void => {
    const b = scalar ? readLow(m, 1) : readVector(m, 1);
    const a = m.read(0, 128);
    const control = m.read(2);
    const fixed = SSE_ROUND | (format.bits === 64 ? SSE_DOUBLE : 0) | (scalar ? SSE_SCALAR : 0);
    const fast = (): FastResult => {
      const rounded = roundLanes(m, format, b, control);
      if (!scalar) return finiteLanes(m, format, rounded);
      return finiteElement(m, format, format.vector.extract(rounded, 0), a);
    };
    m.write(
      0,
      withControl(m, i32.or(i32.const(fixed), i32.shl(control, i32.const(16))), () => [a, b], fast),
      128,
    );
  };

export const SSE_ROUNDING = [
  instruction("roundps", ["66 0f 3a 08 Vx,Wx,Ib"], round(SINGLE, false)),
  instruction("roundpd", ["66 0f 3a 09 Vx,Wx,Ib"], round(DOUBLE, false)),
  instruction("roundss", ["66 0f 3a 0a Vx,Wd,Ib"], round(SINGLE, true)),
  instruction("roundsd", ["66 0f 3a 0b Vx,Wq,Ib"], round(DOUBLE, true)),
];
