/*
 * How each x87 instruction of float-oracle.c is asked of the soft floats, and which parts of the answers
 * must agree. Memory starts out as the registers do: a destination that is not stored keeps operand a.
 */

import type { FloatModule } from "./float-build.ts";
import type { FloatAnswer, FloatCase } from "./float-oracle.ts";

/** Where operands and results lie in the module's memory. */
export const A = 1024;
export const B = 1040;
export const DST = 1056;
export const DST2 = 1072;

/** Kinds of operand an operation takes, for the generator. */
export type OperandKind = "f80" | "f32" | "f64" | "integer" | "decimal" | "none";

/** One instruction under test. */
export type FloatOperation = {
  readonly operation: number;
  readonly name: string;
  readonly a: OperandKind;
  readonly b: OperandKind;
  /** Runs it; returns the bits for the status word. */
  readonly run: (module: FloatModule, one: FloatCase) => number;
  /** Bits of the status word that must agree. */
  readonly statusMask: number;
  /** Bytes of the first result that must agree, if any. */
  readonly size: number;
  /** "kept": results always agree. "pushed": only when the load happened. "pair": one more may be pushed. */
  readonly result: "kept" | "pushed" | "pair" | "memory";
};

const FLAGS = 0x3f;
const ROUNDED = 0x23f;
const CONDITIONS = 0x473f;

function binary(operation: number, name: string, statusMask: number = ROUNDED): FloatOperation {
  const run = ({ call }: FloatModule, one: FloatCase): number => Number(call(name, DST, A, B, one.control));
  return { operation, name, a: "f80", b: "f80", run, statusMask, size: 10, result: "kept" };
}

function unary(operation: number, name: string, statusMask: number = ROUNDED): FloatOperation {
  const run = ({ call }: FloatModule, one: FloatCase): number => Number(call(name, DST, A, one.control));
  return { operation, name, a: "f80", b: "none", run, statusMask, size: 10, result: "kept" };
}

function compare(operation: number, name: string): FloatOperation {
  const run = ({ call }: FloatModule, one: FloatCase): number => Number(call(name, A, B, one.control));
  return { operation, name, a: "f80", b: "f80", run, statusMask: CONDITIONS, size: 0, result: "kept" };
}

function toMemory(operation: number, name: string, size: number): FloatOperation {
  const run = ({ call }: FloatModule, one: FloatCase): number => Number(call(name, DST, A, one.control));
  return { operation, name, a: "f80", b: "none", run, statusMask: ROUNDED, size, result: "memory" };
}

function load(operation: number, name: string, a: OperandKind, width: number): FloatOperation {
  const run = ({ call, view }: FloatModule): number => {
    if (width === 32) return Number(call(name, DST, view.getUint32(A, true)));
    return Number(call(name, DST, view.getBigUint64(A, true)));
  };
  return { operation, name, a, b: "none", run, statusMask: FLAGS, size: 10, result: "pushed" };
}

function loadInteger(operation: number, read: (view: DataView) => bigint): FloatOperation {
  const run = ({ call, view }: FloatModule): number => {
    call("f80_from_i64", DST, read(view));
    return 0;
  };
  return {
    operation,
    name: "f80_from_i64",
    a: "integer",
    b: "none",
    run,
    statusMask: FLAGS,
    size: 10,
    result: "pushed",
  };
}

function constant(operation: number, name: string): FloatOperation {
  const run = ({ call }: FloatModule, one: FloatCase): number => {
    call(name, DST, one.control);
    return 0;
  };
  return { operation, name, a: "none", b: "none", run, statusMask: FLAGS, size: 10, result: "pushed" };
}

function withMemory(
  operation: number,
  name: string,
  b: "f32" | "f64",
  swap: boolean = false,
): FloatOperation {
  const run = ({ call, view }: FloatModule, one: FloatCase): number => {
    const source =
      b === "f32"
        ? call("f80_from_f32_operand", B, view.getUint32(B, true))
        : call("f80_from_f64_operand", B, view.getBigUint64(B, true));
    const control = one.control | Number(source);
    if (name === "f80_compare") return Number(call(name, A, B, control));
    return Number(call(name, DST, swap ? B : A, swap ? A : B, control));
  };
  const compares = name === "f80_compare";
  const statusMask = compares ? CONDITIONS : ROUNDED;
  return {
    operation,
    name: `${name} ${b}`,
    a: "f80",
    b,
    run,
    statusMask,
    size: compares ? 0 : 10,
    result: "kept",
  };
}

const extract: FloatOperation = {
  operation: 11,
  name: "f80_extract",
  a: "f80",
  b: "none",
  run: ({ call }, one) => Number(call("f80_extract", DST2, DST, A, one.control)),
  statusMask: FLAGS,
  size: 10,
  result: "kept",
};

const classify: FloatOperation = {
  operation: 12,
  name: "f80_classify",
  a: "f80",
  b: "none",
  run: ({ call }) => Number(call("f80_classify", A)),
  statusMask: 0x4700,
  size: 0,
  result: "kept",
};

const fromDecimal: FloatOperation = {
  operation: 26,
  name: "f80_from_decimal",
  a: "decimal",
  b: "none",
  run: ({ call }) => {
    call("f80_from_decimal", DST, A);
    return 0;
  },
  statusMask: FLAGS,
  size: 10,
  result: "pushed",
};

/** Every x87 instruction whose result must agree bit for bit. */
export const EXACT_OPERATIONS: readonly FloatOperation[] = [
  binary(0, "f80_add"),
  binary(1, "f80_sub"),
  binary(2, "f80_mul"),
  binary(3, "f80_div"),
  unary(4, "f80_sqrt"),
  compare(5, "f80_compare"),
  compare(6, "f80_compare_quiet"),
  unary(7, "f80_round_to_integer"),
  binary(8, "f80_scale"),
  binary(9, "f80_remainder", CONDITIONS),
  binary(10, "f80_remainder_nearest", CONDITIONS),
  extract,
  classify,
  loadInteger(13, (view) => BigInt(view.getInt16(A, true))),
  loadInteger(14, (view) => BigInt(view.getInt32(A, true))),
  loadInteger(15, (view) => view.getBigInt64(A, true)),
  toMemory(16, "f80_to_i16", 2),
  toMemory(17, "f80_to_i32", 4),
  toMemory(18, "f80_to_i64", 8),
  toMemory(19, "f80_to_i16_truncate", 2),
  toMemory(20, "f80_to_i32_truncate", 4),
  toMemory(21, "f80_to_i64_truncate", 8),
  load(22, "f80_from_f32", "f32", 32),
  load(23, "f80_from_f64", "f64", 64),
  toMemory(24, "f80_to_f32", 4),
  toMemory(25, "f80_to_f64", 8),
  fromDecimal,
  toMemory(27, "f80_to_decimal", 10),
  constant(28, "f80_load_one"),
  constant(29, "f80_load_log2_10"),
  constant(30, "f80_load_log2_e"),
  constant(31, "f80_load_pi"),
  constant(32, "f80_load_log10_2"),
  constant(33, "f80_load_ln_2"),
  constant(34, "f80_load_zero"),
  withMemory(35, "f80_add", "f32"),
  withMemory(36, "f80_add", "f64"),
  withMemory(37, "f80_mul", "f32"),
  withMemory(38, "f80_div", "f64"),
  withMemory(39, "f80_sub", "f64", true),
  withMemory(40, "f80_compare", "f32"),
];

function turned(operation: number, name: string): FloatOperation {
  const run = ({ call }: FloatModule, one: FloatCase): number => Number(call(name, DST, A, one.control));
  return { operation, name, a: "f80", b: "none", run, statusMask: FLAGS | 0x400, size: 10, result: "kept" };
}

function paired(operation: number, name: string): FloatOperation {
  // The host's first register is the value pushed last.
  const run = ({ call, bytes }: FloatModule, one: FloatCase): number => {
    bytes.copyWithin(DST2, DST, DST + 10);
    return Number(call(name, DST2, DST, A, one.control));
  };
  return { operation, name, a: "f80", b: "none", run, statusMask: FLAGS | 0x400, size: 10, result: "pair" };
}

function pointed(operation: number, name: string): FloatOperation {
  const run = ({ call }: FloatModule, one: FloatCase): number => Number(call(name, DST, B, A, one.control));
  return { operation, name, a: "f80", b: "f80", run, statusMask: FLAGS, size: 10, result: "kept" };
}

/** The transcendental instructions, whose last bit the architecture leaves open. */
export const CLOSE_OPERATIONS: readonly FloatOperation[] = [
  turned(41, "f80_sine"),
  turned(42, "f80_cosine"),
  paired(43, "f80_sine_cosine"),
  paired(44, "f80_tangent"),
  pointed(45, "f80_arctangent"),
  turned(46, "f80_power"),
  pointed(47, "f80_logarithm"),
  pointed(48, "f80_logarithm_plus_one"),
];

/** Prepares memory, runs one case, returns the status bits. Results are left at DST and DST2. */
export function runCase(module: FloatModule, operation: FloatOperation, one: FloatCase): number {
  module.bytes.set(one.a, A);
  module.bytes.set(one.b, B);
  module.bytes.set(one.a, DST);
  if (operation.result === "memory") module.bytes.fill(0xcc, DST, DST + 16);
  module.bytes.fill(0, DST2, DST2 + 16);
  return operation.run(module, one) >>> 0;
}

function hex(bytes: Uint8Array, size: number): string {
  return Buffer.from(bytes.slice(0, size)).reverse().toString("hex");
}

/** What the soft floats and the host disagree about in a case, or undefined. */
export function difference(
  module: FloatModule,
  operation: FloatOperation,
  one: FloatCase,
  host: FloatAnswer,
): string | undefined {
  const status = runCase(module, operation, one);
  const ours = module.bytes.slice(DST, DST + operation.size);
  // An unmasked fault leaves the stack pointer where FNINIT put it: nothing was pushed to compare.
  const empty = operation.result === "pushed" && (host.status & 0x3800) === 0;
  const same = empty || hex(ours, operation.size) === hex(host.r0, operation.size);
  const second = operation.operation !== 11 || (host.status & 0x3800) === 0x3800;
  const other = second || hex(module.bytes.slice(DST2, DST2 + 10), 10) === hex(host.r1, 10);
  if (same && other && ((status ^ host.status) & operation.statusMask) === 0) return undefined;
  const operands = `a=${hex(one.a, 10)} b=${hex(one.b, 10)} control=${one.control.toString(16)}`;
  const mine = `${hex(ours, operation.size)} status ${(status & operation.statusMask).toString(16)}`;
  const theirs = `${hex(host.r0, operation.size)} status ${(host.status & operation.statusMask).toString(16)}`;
  return `${operation.name} ${operands}: here ${mine}, host ${theirs}`;
}
