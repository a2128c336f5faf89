// Floating-point comparisons. SDM volume 2: CMPPS CMPPD CMPSS CMPSD COMISS COMISD UCOMISS UCOMISD.

import { type Expr, i32, i64, select } from "../../encoder/expressions.ts";
import {
  SSE_COMPARE,
  SSE_COMPARE_ORDERED,
  SSE_COMPARE_UNORDERED,
  SSE_DOUBLE,
  SSE_SCALAR,
} from "../../layout-sse.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";
import {
  anyNan,
  DOUBLE,
  eitherNan,
  type FastResult,
  type Format,
  readScalar,
  SINGLE,
  withControl,
} from "./float.ts";
import { bits, i32x4, ZERO } from "./lanes.ts";
import { mergeLow, readLow, readVector } from "./operands.ts";

const formatBit = (format: Format): number => (format.bits === 64 ? SSE_DOUBLE : 0);

/** Predicates 0 to 3: equal, less, less or equal, unordered; 4 to 7 are their opposites. There are no NaNs here. */
function compareLanes(format: Format, a: Expr, b: Expr, predicate: Expr): Expr {
  const { vector } = format;
  const bit = (n: number): Expr => i32.and(predicate, i32.const(1 << n));
  const lower = select(vector.lt(a, b), vector.eq(a, b), bit(0));
  const upper = select(ZERO, vector.le(a, b), bit(0));
  const opposite = i32x4.splat(i32.sub(i32.const(0), i32.shrU(bit(2), i32.const(2))));
  return bits.xor(select(upper, lower, bit(1)), opposite);
}

/** Only three bits of the immediate count; a scalar comparison is done in all lanes, of which one is taken. */
const compare =
  (format: Format, scalar: boolean) =>
  (m: Lowering): void => {
    const b = scalar ? readLow(m, 1) : readVector(m, 1);
    const a = m.read(0, 128);
    const predicate = m.let(i32.and(m.read(2), i32.const(7)));
    const code = i32.const(SSE_COMPARE | formatBit(format) | (scalar ? SSE_SCALAR : 0));
    const fast = (): FastResult => {
      const mask = compareLanes(format, a, b, predicate);
      if (!scalar) return { value: mask, exceptional: anyNan(format, a, b) };
      const [x, y] = [a, b].map((v) => m.let(format.vector.extract(v, 0)));
      return { value: mergeLow(format.bits, mask, a), exceptional: eitherNan(format, x as Expr, y as Expr) };
    };
    m.write(
      0,
      withControl(m, i32.or(code, i32.shl(predicate, i32.const(16))), () => [a, b], fast),
      128,
    );
  };

/** Lazy flags as one i64: the result's low half, then aux (see flags.ts). OF, AF and SF are clear. */
const flagPair = (notEqualOrdered: Expr, below: Expr, equal: Expr): Expr => {
  const aux = i32.or(select(i32.const(0xc000_0000 | 0), i32.const(0), below), i32.shl(equal, i32.const(8)));
  return i64.or(i64.extend32U(notEqualOrdered), i64.shl(i64.extend32U(aux), i64.const(32)));
};

/** From ZF, PF and CF as the core gives them. */
function pairOfByte(m: Lowering, value: Expr): Expr {
  const byte = m.let(i32x4.extract(value, 0));
  const bit = (n: number): Expr => i32.and(i32.shrU(byte, i32.const(n)), i32.const(1));
  return flagPair(i32.eqz(bit(6)), bit(0), i32.and(bit(6), i32.eqz(bit(2))));
}

/** Unordered (by the core) sets ZF, PF and CF; less CF; equal ZF. */
const compareToFlags =
  (format: Format, operation: number) =>
  (m: Lowering): void => {
    const b = readScalar(m, 1, format);
    const whole = m.read(0, 128);
    const a = m.let(format.vector.extract(whole, 0));
    const fast = (): FastResult => {
      const below = m.let(format.scalar.lt(a, b.value));
      const equal = m.let(format.scalar.eq(a, b.value));
      const different = m.let(i32.or(below, format.scalar.gt(a, b.value)));
      return { value: flagPair(different, below, equal), exceptional: i32.eqz(i32.or(different, equal)) };
    };
    const code = i32.const(operation | formatBit(format) | SSE_SCALAR);
    const take = (result: Expr): Expr => pairOfByte(m, result);
    const pair = withControl(m, code, () => [whole, b.vector()], fast, take, i64.const(0));
    m.setFlags(i64.and(pair, i64.const(0xffff_ffffn)), i32.wrap(i64.shrU(pair, i64.const(32))));
  };

function flagForms(name: string, opcode: string, operation: number): Instruction[] {
  return [
    instruction(`${name}ss`, [`np 0f ${opcode} Vx,Wd`], compareToFlags(SINGLE, operation)),
    instruction(`${name}sd`, [`66 0f ${opcode} Vx,Wq`], compareToFlags(DOUBLE, operation)),
  ];
}

export const SSE_COMPARISON = [
  instruction("cmpps", ["np 0f c2 Vx,Wx,Ib"], compare(SINGLE, false)),
  instruction("cmppd", ["66 0f c2 Vx,Wx,Ib"], compare(DOUBLE, false)),
  instruction("cmpss", ["f3 0f c2 Vx,Wd,Ib"], compare(SINGLE, true)),
  instruction("cmpsd", ["f2 0f c2 Vx,Wq,Ib"], compare(DOUBLE, true)),
  ...flagForms("comi", "2f", SSE_COMPARE_ORDERED),
  ...flagForms("ucomi", "2e", SSE_COMPARE_UNORDERED),
];
