// Floating-point arithmetic. SDM volume 2: ADD* SUB* MUL* DIV* MIN* MAX* SQRT* ADDSUB* HADD* HSUB* DPPS DPPD RCP* RSQRT*.

import { type Expr, i32, select } from "../../encoder/expressions.ts";
import {
  SSE_ADD,
  SSE_ADDSUB,
  SSE_DIV,
  SSE_DOUBLE,
  SSE_MAX,
  SSE_MIN,
  SSE_MUL,
  SSE_SCALAR,
  SSE_SQRT,
  SSE_SUB,
} from "../../layout-sse.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";
import {
  anyNan,
  DOUBLE,
  eitherNan,
  type FastResult,
  finiteElement,
  finiteLanes,
  type Format,
  readScalar,
  SINGLE,
  withControl,
} from "./float.ts";
import { bits, constant, f32x4, i32x4 } from "./lanes.ts";
import { maskOfBits, mergeLow, readLow, readVector } from "./operands.ts";

/** An operation on elements: its code for the core, and how lanes and single values compute it. */
interface FloatOperation {
  readonly code: number;
  readonly packed: (m: Lowering, format: Format, a: Expr, b: Expr) => FastResult;
  /** On the vector `whole` with element `a`, and element `b`. */
  readonly scalar: (m: Lowering, format: Format, a: Expr, b: Expr, whole: Expr) => FastResult;
}

const classic = (code: number, name: "add" | "sub" | "mul" | "div"): FloatOperation => ({
  code,
  packed: (m, format, a, b) => finiteLanes(m, format, format.vector[name](a, b)),
  scalar: (m, format, a, b, whole) => finiteElement(m, format, format.scalar[name](a, b), whole),
});

/** MIN and MAX give the second operand when both are zero: `a < b ? a : b`. */
const extreme = (code: number, pseudo: "pmin" | "pmax", relation: "lt" | "gt"): FloatOperation => ({
  code,
  packed: (_, format, a, b) => ({ value: format.vector[pseudo](b, a), exceptional: anyNan(format, a, b) }),
  scalar: (_, format, a, b, whole) => {
    const chosen = select(a, b, format.scalar[relation](a, b));
    return { value: format.vector.replace(whole, 0, chosen), exceptional: eitherNan(format, a, b) };
  },
});
const ADD = classic(SSE_ADD, "add");
const SUB = classic(SSE_SUB, "sub");
const MUL = classic(SSE_MUL, "mul");
const DIV = classic(SSE_DIV, "div");
const MIN = extreme(SSE_MIN, "pmin", "lt");
const MAX = extreme(SSE_MAX, "pmax", "gt");
const SQRT: FloatOperation = {
  code: SSE_SQRT,
  packed: (m, format, _, b) => finiteLanes(m, format, format.vector.sqrt(b)),
  scalar: (m, format, _, b, whole) => finiteElement(m, format, format.scalar.sqrt(b), whole),
};
/** Even lanes a - b, odd lanes a + b. */
const ADDSUB: PackedOperation = {
  code: SSE_ADDSUB,
  packed: (m, format, a, b) => {
    const even = format.bits === 32 ? constant(32, [-1, 0, -1, 0]) : constant(64, [-1, 0]);
    return finiteLanes(m, format, bits.choose(format.vector.sub(a, b), format.vector.add(a, b), even));
  },
};

type PackedOperation = Omit<FloatOperation, "scalar">;

const codeOf = (operation: PackedOperation, format: Format): number =>
  operation.code | (format.bits === 64 ? SSE_DOUBLE : 0);

/** The operation on two vectors. */
function apply(m: Lowering, operation: PackedOperation, format: Format, a: Expr, b: Expr): Expr {
  const code = i32.const(codeOf(operation, format));
  return withControl(
    m,
    code,
    () => [a, b],
    () => operation.packed(m, format, a, b),
  );
}

const packed =
  (operation: PackedOperation, format: Format) =>
  (m: Lowering): void => {
    const b = readVector(m, 1);
    m.write(0, apply(m, operation, format, m.read(0), b));
  };

const scalar =
  (operation: FloatOperation, format: Format) =>
  (m: Lowering): void => {
    const b = readScalar(m, 1, format);
    const a = m.read(0, 128);
    const code = i32.const(codeOf(operation, format) | SSE_SCALAR);
    const fast = (): FastResult => {
      const first = m.let(format.vector.extract(a, 0));
      return operation.scalar(m, format, first, b.value, a);
    };
    m.write(
      0,
      withControl(m, code, () => [a, b.vector()], fast),
      128,
    );
  };

/** The four forms: packed and scalar, single and double. */
function fourForms(name: string, opcode: string, operation: FloatOperation): Instruction[] {
  return [
    instruction(`${name}ps`, [`np 0f ${opcode} Vx,Wx`], packed(operation, SINGLE)),
    instruction(`${name}pd`, [`66 0f ${opcode} Vx,Wx`], packed(operation, DOUBLE)),
    instruction(`${name}ss`, [`f3 0f ${opcode} Vx,Wd`], scalar(operation, SINGLE)),
    instruction(`${name}sd`, [`f2 0f ${opcode} Vx,Wq`], scalar(operation, DOUBLE)),
  ];
}

const LOW_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const HIGH_HALVES = LOW_HALVES.map((byte) => byte + 8);
const EVEN_WORDS = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const ODD_WORDS = EVEN_WORDS.map((byte) => byte + 4);

/** HADD and HSUB: the first of each pair of neighbours with the second. */
const horizontal =
  (operation: FloatOperation, format: Format) =>
  (m: Lowering): void => {
    const b = readVector(m, 1);
    const a = m.read(0);
    const first = m.let(bits.shuffle(a, b, format.bits === 32 ? EVEN_WORDS : LOW_HALVES));
    const second = m.let(bits.shuffle(a, b, format.bits === 32 ? ODD_WORDS : HIGH_HALVES));
    m.write(0, apply(m, operation, format, first, second));
  };

/** Byte numbers of the given lanes. */
const spread = (laneBytes: number, lanes: readonly number[]): number[] =>
  lanes.flatMap((lane) => Array.from({ length: laneBytes }, (_, i) => lane * laneBytes + i));

/** DPPS, DPPD: bits 7:4 choose the products, bits 3:0 the lanes of the sum; sums of pairs first. */
const dotProduct =
  (format: Format) =>
  (m: Lowering): void => {
    const b = readVector(m, 1);
    const a = m.read(0);
    const control = m.read(2);
    const single = format.bits === 32;
    const lanes = (value: Expr): Expr =>
      maskOfBits(i32x4.splat, i32x4.eq, value, constant(32, single ? [1, 2, 4, 8] : [1, 1, 2, 2]));
    const chosen = lanes(i32.shrU(control, i32.const(4)));
    const lane = (v: Expr, bytes: readonly number[]): Expr => m.let(bits.shuffle(v, v, bytes));
    // A lane that is not chosen is not multiplied: it must raise nothing.
    const products = m.let(apply(m, MUL, format, m.let(bits.and(a, chosen)), m.let(bits.and(b, chosen))));
    let sum = m.let(bits.and(products, chosen));
    if (single)
      sum = m.let(
        apply(m, ADD, format, lane(sum, spread(4, [0, 2, 0, 2])), lane(sum, spread(4, [1, 3, 1, 3]))),
      );
    const [first, second] = single
      ? [spread(4, [0, 0, 0, 0]), spread(4, [1, 1, 1, 1])]
      : [spread(8, [0, 0]), spread(8, [1, 1])];
    sum = m.let(apply(m, ADD, format, lane(sum, first), lane(sum, second)));
    m.write(0, bits.and(sum, lanes(control)));
  };

/** NaN lanes of the operand made quiet, other NaNs of the result the default one. */
function withNans(m: Lowering, value: Expr, operand: Expr): Expr {
  const quiet = bits.or(operand, constant(32, new Array<number>(4).fill(0x0040_0000)));
  const invalid = constant(32, new Array<number>(4).fill(0xffc0_0000));
  const result = m.let(value);
  const nans = bits.choose(quiet, invalid, f32x4.ne(operand, operand));
  return bits.choose(nans, result, f32x4.ne(result, result));
}

/**
 * RCP and RSQRT are exact to their last bit here, where the manual allows 1.5 * 2^-12 of relative error; a denormal
 * operand counts as zero and a tiny result becomes zero. They look at no field of MXCSR.
 */
function estimate(m: Lowering, source: Expr, root: boolean): Expr {
  const flush = (v: Expr): Expr => {
    const tiny = f32x4.lt(f32x4.abs(v), constant(32, new Array<number>(4).fill(0x0080_0000)));
    return bits.and(v, bits.or(bits.not(tiny), constant(32, new Array<number>(4).fill(0x8000_0000))));
  };
  const x = m.let(flush(source));
  const one = constant(32, new Array<number>(4).fill(0x3f80_0000));
  const result = m.let(f32x4.div(one, root ? f32x4.sqrt(x) : x));
  return withNans(m, flush(result), x);
}

function estimates(name: string, opcode: string, root: boolean): Instruction[] {
  return [
    instruction(`${name}ps`, [`np 0f ${opcode} Vx,Wx`], (m) =>
      m.write(0, estimate(m, readVector(m, 1), root)),
    ),
    instruction(`${name}ss`, [`f3 0f ${opcode} Vx,Wd`], (m) =>
      m.write(0, mergeLow(32, estimate(m, readLow(m, 1), root), m.read(0)), 128),
    ),
  ];
}

export const SSE_ARITHMETIC = [
  ...fourForms("add", "58", ADD),
  ...fourForms("mul", "59", MUL),
  ...fourForms("sub", "5c", SUB),
  ...fourForms("min", "5d", MIN),
  ...fourForms("div", "5e", DIV),
  ...fourForms("max", "5f", MAX),
  ...fourForms("sqrt", "51", SQRT),
  ...estimates("rcp", "53", false),
  ...estimates("rsqrt", "52", true),
  instruction("addsubps", ["f2 0f d0 Vx,Wx"], packed(ADDSUB, SINGLE)),
  instruction("addsubpd", ["66 0f d0 Vx,Wx"], packed(ADDSUB, DOUBLE)),
  instruction("haddps", ["f2 0f 7c Vx,Wx"], horizontal(ADD, SINGLE)),
  instruction("haddpd", ["66 0f 7c Vx,Wx"], horizontal(ADD, DOUBLE)),
  instruction("hsubps", ["f2 0f 7d Vx,Wx"], horizontal(SUB, SINGLE)),
  instruction("hsubpd", ["66 0f 7d Vx,Wx"], horizontal(SUB, DOUBLE)),
  instruction("dpps", ["66 0f 3a 40 Vx,Wx,Ib"], dotProduct(SINGLE)),
  instruction("dppd", ["66 0f 3a 41 Vx,Wx,Ib"], dotProduct(DOUBLE)),
];
