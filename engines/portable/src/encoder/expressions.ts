// WebAssembly instructions as typed expressions (core specification §5.4). An expression knows the type of the value it
// leaves on the stack and the bytes that compute it; statements have type "none".

import { type Code, signedLeb, signedLeb64, unsignedLeb } from "./bytes.ts";

export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

export interface Expr {
  readonly type: ValueType;
  readonly code: Code;
  /** The value of an integer known while code is generated. */
  readonly constant?: number | bigint;
  /** The 16 bytes of a vector known while code is generated. */
  readonly bytes?: readonly number[];
  /** For a condition: whether it mostly holds, when that is known. */
  readonly isLikely?: boolean;
  /** The local that is read, where the expression is nothing else. */
  readonly local?: number;
}

export const TYPE_CODE: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

const expr = (type: ValueType, code: Code): Expr => ({ type, code });

type Unary = (a: Expr) => Expr;
type Binary = (a: Expr, b: Expr) => Expr;

const unary =
  (opcode: number, type: ValueType): Unary =>
  (a) =>
    expr(type, [a.code, opcode]);
const binary =
  (opcode: number, type: ValueType): Binary =>
  (a, b) =>
    expr(type, [a.code, b.code, opcode]);
/** As `unary` and `binary`, computed here and now when the operands are constants. */
const foldedUnary =
  (opcode: number, fold: (a: number) => number): Unary =>
  (a) =>
    typeof a.constant === "number" ? i32.const(fold(a.constant)) : unary(opcode, "i32")(a);
const foldedBinary =
  (opcode: number, fold: (a: number, b: number) => number): Binary =>
  (a, b) =>
    typeof a.constant === "number" && typeof b.constant === "number"
      ? i32.const(fold(a.constant, b.constant))
      : binary(opcode, "i32")(a, b);
/** Instructions behind the 0xfd prefix. */
const simdUnary =
  (opcode: number, type: ValueType = "v128"): Unary =>
  (a) =>
    expr(type, [a.code, 0xfd, unsignedLeb(opcode)]);
const simdBinary =
  (opcode: number): Binary =>
  (a, b) =>
    expr("v128", [a.code, b.code, 0xfd, unsignedLeb(opcode)]);

/** Alignment hint and offset of a memory access; the hint is always "any". */
const memarg = (offset: number): Code => [0, unsignedLeb(offset)];
const loadOp = (opcode: number, type: ValueType) => (address: Expr, offset: number) =>
  expr(type, [address.code, opcode, memarg(offset)]);
const storeOp =
  (opcode: number) =>
  (address: Expr, offset: number, value: Expr): Code => [address.code, value.code, opcode, memarg(offset)];
const simdLoad = (opcode: number) => (address: Expr, offset: number) =>
  expr("v128", [address.code, 0xfd, unsignedLeb(opcode), memarg(offset)]);

export const i32 = {
  const: (value: number): Expr => ({ type: "i32", code: [0x41, signedLeb(value | 0)], constant: value | 0 }),
  eqz: foldedUnary(0x45, (a) => Number(a === 0)),
  eq: binary(0x46, "i32"),
  ne: binary(0x47, "i32"),
  ltS: binary(0x48, "i32"),
  ltU: binary(0x49, "i32"),
  gtS: binary(0x4a, "i32"),
  gtU: binary(0x4b, "i32"),
  leS: binary(0x4c, "i32"),
  leU: binary(0x4d, "i32"),
  geS: binary(0x4e, "i32"),
  geU: binary(0x4f, "i32"),
  clz: unary(0x67, "i32"),
  ctz: unary(0x68, "i32"),
  popcnt: unary(0x69, "i32"),
  add: foldedBinary(0x6a, (a, b) => a + b),
  sub: foldedBinary(0x6b, (a, b) => a - b),
  mul: binary(0x6c, "i32"),
  divS: binary(0x6d, "i32"),
  divU: binary(0x6e, "i32"),
  remS: binary(0x6f, "i32"),
  remU: binary(0x70, "i32"),
  and: foldedBinary(0x71, (a, b) => a & b),
  or: foldedBinary(0x72, (a, b) => a | b),
  xor: foldedBinary(0x73, (a, b) => a ^ b),
  shl: foldedBinary(0x74, (a, b) => a << b),
  shrS: binary(0x75, "i32"),
  shrU: foldedBinary(0x76, (a, b) => a >>> b),
  rotl: binary(0x77, "i32"),
  rotr: binary(0x78, "i32"),
  wrap: unary(0xa7, "i32"),
  extend8: unary(0xc0, "i32"),
  extend16: unary(0xc1, "i32"),
  reinterpret: unary(0xbc, "i32"),
  load: loadOp(0x28, "i32"),
  load8S: loadOp(0x2c, "i32"),
  load8U: loadOp(0x2d, "i32"),
  load16S: loadOp(0x2e, "i32"),
  load16U: loadOp(0x2f, "i32"),
  store: storeOp(0x36),
  store8: storeOp(0x3a),
  store16: storeOp(0x3b),
};

export const i64 = {
  const: (value: bigint | number): Expr => {
    const constant = BigInt.asIntN(64, BigInt(value));
    return { type: "i64", code: [0x42, signedLeb64(constant)], constant };
  },
  eqz: unary(0x50, "i32"),
  eq: binary(0x51, "i32"),
  ne: binary(0x52, "i32"),
  ltS: binary(0x53, "i32"),
  ltU: binary(0x54, "i32"),
  gtS: binary(0x55, "i32"),
  gtU: binary(0x56, "i32"),
  leS: binary(0x57, "i32"),
  leU: binary(0x58, "i32"),
  geS: binary(0x59, "i32"),
  geU: binary(0x5a, "i32"),
  clz: unary(0x79, "i64"),
  ctz: unary(0x7a, "i64"),
  popcnt: unary(0x7b, "i64"),
  add: binary(0x7c, "i64"),
  sub: binary(0x7d, "i64"),
  mul: binary(0x7e, "i64"),
  divS: binary(0x7f, "i64"),
  divU: binary(0x80, "i64"),
  remS: binary(0x81, "i64"),
  remU: binary(0x82, "i64"),
  and: binary(0x83, "i64"),
  or: binary(0x84, "i64"),
  xor: binary(0x85, "i64"),
  shl: binary(0x86, "i64"),
  shrS: binary(0x87, "i64"),
  shrU: binary(0x88, "i64"),
  rotl: binary(0x89, "i64"),
  rotr: binary(0x8a, "i64"),
  extend32S: unary(0xac, "i64"),
  extend32U: (a: Expr): Expr =>
    typeof a.constant === "number" ? i64.const(a.constant >>> 0) : unary(0xad, "i64")(a),
  extend8: unary(0xc2, "i64"),
  extend16: unary(0xc3, "i64"),
  extend32: unary(0xc4, "i64"),
  reinterpret: unary(0xbd, "i64"),
  load: loadOp(0x29, "i64"),
  load8S: loadOp(0x30, "i64"),
  load8U: loadOp(0x31, "i64"),
  load16S: loadOp(0x32, "i64"),
  load16U: loadOp(0x33, "i64"),
  load32S: loadOp(0x34, "i64"),
  load32U: loadOp(0x35, "i64"),
  store: storeOp(0x37),
  store8: storeOp(0x3c),
  store16: storeOp(0x3d),
  store32: storeOp(0x3e),
};

export const f32 = {
  eq: binary(0x5b, "i32"),
  ne: binary(0x5c, "i32"),
  lt: binary(0x5d, "i32"),
  gt: binary(0x5e, "i32"),
  le: binary(0x5f, "i32"),
  ge: binary(0x60, "i32"),
  abs: unary(0x8b, "f32"),
  nearest: unary(0x90, "f32"),
  sqrt: unary(0x91, "f32"),
  add: binary(0x92, "f32"),
  sub: binary(0x93, "f32"),
  mul: binary(0x94, "f32"),
  div: binary(0x95, "f32"),
  fromI32: unary(0xb2, "f32"),
  fromI64: unary(0xb4, "f32"),
  demote: unary(0xb6, "f32"),
  reinterpret: unary(0xbe, "f32"),
  const: (bits: number): Expr =>
    expr("f32", [0x43, [bits & 255, (bits >>> 8) & 255, (bits >>> 16) & 255, bits >>> 24]]),
};

export const f64 = {
  eq: binary(0x61, "i32"),
  ne: binary(0x62, "i32"),
  lt: binary(0x63, "i32"),
  gt: binary(0x64, "i32"),
  le: binary(0x65, "i32"),
  ge: binary(0x66, "i32"),
  abs: unary(0x99, "f64"),
  nearest: unary(0x9e, "f64"),
  sqrt: unary(0x9f, "f64"),
  add: binary(0xa0, "f64"),
  sub: binary(0xa1, "f64"),
  mul: binary(0xa2, "f64"),
  div: binary(0xa3, "f64"),
  fromI32: unary(0xb7, "f64"),
  fromI64: unary(0xb9, "f64"),
  promote: unary(0xbb, "f64"),
  reinterpret: unary(0xbf, "f64"),
};

/** Float to integer that saturates instead of trapping (0xfc prefix). */
export const truncSat = {
  i32FromF32: (a: Expr): Expr => expr("i32", [a.code, 0xfc, 0]),
  i32FromF64: (a: Expr): Expr => expr("i32", [a.code, 0xfc, 2]),
  i64FromF32: (a: Expr): Expr => expr("i64", [a.code, 0xfc, 4]),
  i64FromF64: (a: Expr): Expr => expr("i64", [a.code, 0xfc, 6]),
};

/** 128-bit vectors; `unary` and `binary` build any lane instruction from its opcode (specification §5.4.9). */
export const v128 = {
  load: simdLoad(0x00),
  load32Zero: simdLoad(0x5c),
  load64Zero: simdLoad(0x5d),
  store: (address: Expr, offset: number, value: Expr): Code => [
    address.code,
    value.code,
    0xfd,
    unsignedLeb(0x0b),
    memarg(offset),
  ],
  const: (bytes: readonly number[]): Expr => ({
    type: "v128",
    code: [0xfd, unsignedLeb(0x0c), bytes],
    bytes,
  }),
  /** Lane numbers 0 to 15 take bytes from `a`, 16 to 31 from `b`. */
  shuffle: (a: Expr, b: Expr, lanes: readonly number[]): Expr =>
    expr("v128", [a.code, b.code, 0xfd, unsignedLeb(0x0d), lanes]),
  unary: simdUnary,
  binary: simdBinary,
  /** Shifts: the count is an i32. */
  shift: simdBinary,
  extractLane: (opcode: number, type: ValueType, lane: number) => (a: Expr) =>
    expr(type, [a.code, 0xfd, unsignedLeb(opcode), lane]),
  replaceLane: (opcode: number, lane: number) => (a: Expr, value: Expr) =>
    expr("v128", [a.code, value.code, 0xfd, unsignedLeb(opcode), lane]),
  splat: (opcode: number) => simdUnary(opcode),
  bitselect: (a: Expr, b: Expr, mask: Expr): Expr =>
    expr("v128", [a.code, b.code, mask.code, 0xfd, unsignedLeb(0x52)]),
};

/** Picks `a` where the i32 `condition` is not zero; both are computed. */
export function select(a: Expr, b: Expr, condition: Expr): Expr {
  if (condition.constant !== undefined) return condition.constant ? a : b;
  if (a.type === "v128") return expr("v128", [a.code, b.code, condition.code, 0x1c, 1, TYPE_CODE.v128]);
  return expr(a.type, [a.code, b.code, condition.code, 0x1b]);
}

export function ifElse(condition: Expr, yes: Expr, no: Expr): Expr {
  return expr(yes.type, [condition.code, 0x04, TYPE_CODE[yes.type], yes.code, 0x05, no.code, 0x0b]);
}

export function localGet(index: number, type: ValueType): Expr {
  return { type, code: [0x20, unsignedLeb(index)], local: index };
}

export function localSet(index: number, value: Expr): Code {
  return [value.code, 0x21, unsignedLeb(index)];
}

export function ifThen(condition: Expr, body: Code): Code {
  return [condition.code, hintOf(condition), 0x04, 0x40, body, 0x0b];
}

/** A condition that mostly holds. */
export function likely(condition: Expr): Expr {
  return { ...condition, isLikely: true };
}

/** A condition that hardly ever holds. */
export function unlikely(condition: Expr): Expr {
  return { ...condition, isLikely: false };
}

/** What stands between a condition's code and its branch. */
export function hintOf({ isLikely }: Expr): Code {
  return isLikely === undefined ? [] : { isLikely };
}

export function call(functionIndex: number, args: readonly Expr[], type: ValueType): Expr {
  return expr(type, [args.map((a) => a.code), 0x10, unsignedLeb(functionIndex)]);
}

export function returnValue(value: Expr): Code {
  return [value.code, 0x0f];
}

/** Tail call through table 0; `signature` is a type index. */
export function returnCallIndirect(signature: number, args: readonly Expr[], slot: Expr): Code {
  return [args.map((a) => a.code), slot.code, 0x13, unsignedLeb(signature), 0];
}

export function callIndirect(signature: number, args: readonly Expr[], slot: Expr, type: ValueType): Expr {
  return expr(type, [args.map((a) => a.code), slot.code, 0x11, unsignedLeb(signature), 0]);
}

/** Loop for ever around `body`, which leaves by returning. */
export function loopForever(body: Code): Code {
  return [0x03, 0x40, body, 0x0c, 0, 0x0b, 0x00];
}

/** Loops while `condition` holds after the body. */
export function loopWhile(body: Code, condition: Expr): Code {
  return [0x03, 0x40, body, condition.code, 0x0d, 0, 0x0b];
}
