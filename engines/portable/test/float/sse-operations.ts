/*
 * How each SSE instruction of float-oracle.c is asked of the soft floats. Operation numbers from 100 are
 * single precision, from 200 double; the low two digits mean the same in both.
 */

import type { FloatModule } from "./float-build.ts";
import type { FloatAnswer, FloatCase } from "./float-oracle.ts";

/** One instruction under test, in one precision. */
export type SseOperation = {
  readonly operation: number;
  readonly name: string;
  /** Fraction bits of the source operands; 0 for an integer source. */
  readonly source: 0 | 23 | 52;
  /** Bytes of the result, and where the host leaves it: the vector register or the general one. */
  readonly size: number;
  readonly place: "vector" | "general" | "flags";
  /** Calls the soft float; its result as bits. */
  readonly run: (module: FloatModule, a: bigint, b: bigint, mxcsr: number) => bigint;
};

type Shape = Omit<SseOperation, "operation" | "name"> & { readonly name: string };

function bits(value: number | bigint, size: number): bigint {
  return BigInt.asUintN(size * 8, BigInt(value));
}

/** What differs between the precisions. */
type Precision = {
  readonly type: "f32" | "f64";
  readonly other: string;
  readonly source: 23 | 52;
  readonly size: 4 | 8;
  readonly arg: (value: bigint) => number | bigint;
};

const SINGLE: Precision = {
  type: "f32",
  other: "f64_from_f32",
  source: 23,
  size: 4,
  arg: (value) => Number(BigInt.asUintN(32, value)),
};

const DOUBLE: Precision = {
  type: "f64",
  other: "f32_from_f64",
  source: 52,
  size: 8,
  arg: (value) => BigInt.asUintN(64, value),
};

/** A function of two lanes, or of the second only when `single`, with a last argument before MXCSR perhaps. */
function lane(of: Precision, name: string, single: boolean, extra?: number): Shape {
  const { source, size, arg } = of;
  const run = ({ call }: FloatModule, a: bigint, b: bigint, mxcsr: number): bigint => {
    const operands = single ? [arg(b)] : [arg(a), arg(b)];
    if (extra !== undefined) operands.push(extra);
    return bits(call(name, ...operands, mxcsr), size);
  };
  return { name: extra === undefined ? name : `${name} ${extra}`, source, size, place: "vector", run };
}

function toInteger(of: Precision, name: string, size: number): Shape {
  const run = ({ call }: FloatModule, _a: bigint, b: bigint, mxcsr: number): bigint =>
    bits(call(`${of.type}_${name}`, of.arg(b), mxcsr), size);
  return { name: `${of.type}_${name}`, source: of.source, size, place: "general", run };
}

function fromInteger(of: Precision, width: number): Shape {
  const name = `${of.type}_from_i64`;
  const run = ({ call }: FloatModule, _a: bigint, b: bigint, mxcsr: number): bigint =>
    bits(call(name, BigInt.asIntN(width, b), mxcsr), of.size);
  return { name: `${name} ${width}`, source: 0, size: of.size, place: "vector", run };
}

function compare(of: Precision, quiet: number): Shape {
  const name = `${of.type}_compare`;
  const run = ({ call }: FloatModule, a: bigint, b: bigint, mxcsr: number): bigint =>
    bits(call(name, of.arg(a), of.arg(b), mxcsr, quiet), 1);
  return { name: `${name} quiet=${quiet}`, source: of.source, size: 1, place: "flags", run };
}

function packed(of: Precision): Shape {
  const name = `${of.type}_mul`;
  const run = ({ call }: FloatModule, a: bigint, b: bigint, mxcsr: number): bigint => {
    let result = 0n;
    for (let shift = 0n; shift < 128n; shift += BigInt(of.size * 8)) {
      result |= bits(call(name, of.arg(a >> shift), of.arg(b >> shift), mxcsr), of.size) << shift;
    }
    return result;
  };
  return { name: `${name} packed`, source: of.source, size: 16, place: "vector", run };
}

/** All instructions in one precision, in the order of float-oracle.c. */
function forPrecision(of: Precision): Shape[] {
  const { type } = of;
  return [
    ...["add", "sub", "mul", "div"].map((name) => lane(of, `${type}_${name}`, false)),
    lane(of, `${type}_sqrt`, true),
    ...["min", "max"].map((name) => lane(of, `${type}_${name}`, false)),
    compare(of, 1),
    compare(of, 0),
    { ...lane(of, of.other, true), size: 12 - of.size, run: convert(of) },
    toInteger(of, "to_i32", 4),
    toInteger(of, "to_i32_truncate", 4),
    toInteger(of, "to_i64", 8),
    toInteger(of, "to_i64_truncate", 8),
    fromInteger(of, 32),
    fromInteger(of, 64),
    ...[0, 1, 2, 3, 4, 12].map((control) => lane(of, `${type}_round`, true, control)),
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((predicate) => lane(of, `${type}_compare_mask`, false, predicate)),
    packed(of),
  ];
}

function convert(of: Precision): Shape["run"] {
  return ({ call }, _a, b, mxcsr) => bits(call(of.other, of.arg(b), mxcsr), 12 - of.size);
}

/** Every SSE instruction under test. */
export const SSE_OPERATIONS: readonly SseOperation[] = [
  ...forPrecision(SINGLE).map((shape, index) => ({ ...shape, operation: 100 + index })),
  ...forPrecision(DOUBLE).map((shape, index) => ({ ...shape, operation: 200 + index })),
];

function number(bytes: Uint8Array, size: number): bigint {
  let value = 0n;
  for (let at = size - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] ?? 0);
  return value;
}

/** What the caller of a packed operation makes of its lanes' flags: a fault hides the later exceptions. */
function mergedFlags(flags: number, mxcsr: number): number {
  const masks = (mxcsr >> 7) & 0x3f;
  return (flags & ~masks & 7) === 0 ? flags : flags & 7;
}

/** What the soft floats and the host disagree about in a case, or undefined. */
export function sseDifference(
  module: FloatModule,
  operation: SseOperation,
  one: FloatCase,
  host: FloatAnswer,
): string | undefined {
  const a = number(one.a, 16);
  const b = number(one.b, 16);
  module.call("float_take_flags");
  const result = operation.run(module, a, b, one.control);
  const flags = mergedFlags(Number(module.call("float_take_flags")), one.control);
  const hostFlags = host.status & 0x3f;
  const faulted = (hostFlags & ~(one.control >> 7) & 0x3f) !== 0;
  const place = operation.place === "general" ? host.r1 : host.r0;
  const expected = operation.place === "flags" ? BigInt(host.flags & 0x45) : number(place, operation.size);
  if (flags === hostFlags && (faulted || result === expected)) return undefined;
  const operands = `a=${a.toString(16)} b=${b.toString(16)} mxcsr=${one.control.toString(16)}`;
  const mine = `${result.toString(16)} flags ${flags.toString(16)}`;
  return `${operation.name} ${operands}: here ${mine}, host ${expected.toString(16)} flags ${hostFlags.toString(16)}`;
}
