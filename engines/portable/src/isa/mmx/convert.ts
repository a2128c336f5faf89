// Conversions between MMX integers and SSE floats. SDM volume 2: CVTPI2PS CVTPI2PD CVTPS2PI CVTTPS2PI CVTPD2PI CVTTPD2PI.

import { type Expr, i32 } from "../../encoder/expressions.ts";
import {
  SSE_F32_TO_I32,
  SSE_F64_TO_I32,
  SSE_I32_PAIR_TO_F32,
  SSE_PAIR,
  SSE_TRUNCATE,
} from "../../layout-sse.ts";
import { instruction, type Lowering } from "../lowering.ts";
import { doublesToIntegers, singlesToIntegers } from "../sse/convert.ts";
import { type FastResult, withControl } from "../sse/float.ts";
import { f32x4, f64x2, i64x2, ZERO } from "../sse/lanes.ts";
import { readLow, readVector } from "../sse/operands.ts";
import { enterMmx, readMmx, writeMmx } from "./state.ts";

/** The source of CVTPI2PS and CVTPI2PD. In memory it has nothing to do with the x87, whatever is pending there. */
const readPair = (m: Lowering): Expr => (m.isMemory(1) ? readLow(m, 1) : readMmx(m, 1));

/** CVTPI2PS: the upper half stays. */
function toSingles(m: Lowering): void {
  const b = readPair(m);
  const a = m.read(0);
  if (!m.isMemory(1)) enterMmx(m);
  const code = i32.const(SSE_I32_PAIR_TO_F32);
  const singles = withControl(
    m,
    code,
    () => [a, b],
    () => ({ value: f32x4.fromI32(b) }),
  );
  m.write(0, i64x2.replace(singles, 1, i64x2.extract(a, 1)));
}

function toDoubles(m: Lowering): void {
  const b = readPair(m);
  if (!m.isMemory(1)) enterMmx(m);
  m.write(0, f64x2.fromI32Low(b));
}

const toIntegers =
  (code: number, fast: (m: Lowering, b: Expr) => FastResult) =>
  (m: Lowering): void => {
    if (m.isMemory(1)) m.system("fpuWait");
    const b = m.operandSize(1) === 128 ? readVector(m, 1) : readLow(m, 1);
    enterMmx(m);
    writeMmx(
      m,
      0,
      withControl(
        m,
        i32.const(code | SSE_PAIR),
        () => [ZERO, b],
        () => fast(m, b),
      ),
    );
  };

export const MMX_CONVERSION = [
  instruction("cvtpi2ps", ["np 0f 2a Vx,Qq"], toSingles),
  instruction("cvtpi2pd", ["66 0f 2a Vx,Qq"], toDoubles),
  instruction("cvttps2pi", ["np 0f 2c Pq,Wq"], toIntegers(SSE_F32_TO_I32 | SSE_TRUNCATE, singlesToIntegers)),
  instruction(
    "cvtps2pi",
    ["np 0f 2d Pq,Wq"],
    toIntegers(SSE_F32_TO_I32, (m, b) => singlesToIntegers(m, f32x4.nearest(b))),
  ),
  instruction("cvttpd2pi", ["66 0f 2c Pq,Wx"], toIntegers(SSE_F64_TO_I32 | SSE_TRUNCATE, doublesToIntegers)),
  instruction(
    "cvtpd2pi",
    ["66 0f 2d Pq,Wx"],
    toIntegers(SSE_F64_TO_I32, (m, b) => doublesToIntegers(m, f64x2.nearest(b))),
  ),
];
