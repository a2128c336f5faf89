/*
 * Cases that random comparison with the host found, or that are easy to get wrong, with the host's answers
 * written down: they run on any machine.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { buildFloats } from "./float-build.ts";
import { bytesOf } from "./operands.ts";
import { A, B, CLOSE_OPERATIONS, DST, EXACT_OPERATIONS, runCase } from "./x87-operations.ts";

const module = buildFloats();
const OPERATIONS = [...EXACT_OPERATIONS, ...CLOSE_OPERATIONS];

type Find = {
  readonly what: string;
  readonly name: string;
  readonly a: bigint;
  readonly b?: bigint;
  readonly control?: number;
  readonly result: string;
  readonly status: number;
};

const ONE = 0x3fff8000000000000000n;
const INFINITY = 0x7fff8000000000000000n;

const FINDS: readonly Find[] = [
  {
    what: "a denormal over zero is a division by zero, not a denormal operand",
    name: "f80_div",
    a: 1n,
    b: 0n,
    result: "7fff8000000000000000",
    status: 4,
  },
  {
    what: "an unmasked overflow too large for its bias adjustment is an infinity in any rounding mode",
    name: "f80_scale",
    a: 0x4003fffff00000000000n,
    b: 0x402c92e2780000000001n,
    control: 0xe43,
    result: "7fff8000000000000000",
    status: 0x228,
  },
  {
    what: "an unmasked underflow too small for its bias adjustment is a zero",
    name: "f80_scale",
    a: 0x4010fffff80000000000n,
    b: 0xc00fc04f38c6e3250bf0n,
    control: 0xe4b,
    result: "00000000000000000000",
    status: 0x30,
  },
  {
    what: "a store to memory kept back by an unmasked underflow does not report rounding",
    name: "f80_to_f32",
    a: 0x000020aa000000000001n,
    control: 0x849,
    result: "cccccccc",
    status: 0x10,
  },
  {
    what: "a pseudo-denormal leaves a remainder by infinity as a normal number",
    name: "f80_remainder",
    a: 0x00008000000000000000n,
    b: INFINITY,
    result: "00018000000000000000",
    status: 2,
  },
  {
    what: "a denormal remainder by infinity is biased when underflow is unmasked",
    name: "f80_remainder_nearest",
    a: 0x80000000000000000001n,
    b: INFINITY,
    control: 0x6b,
    result: "dfc28000000000000000",
    status: 0x12,
  },
  {
    what: "of a quiet and a signalling NaN the quiet one survives, however small",
    name: "f80_add",
    a: 0x7fffbfffffffffffffffn,
    b: 0x7fffc000000000000001n,
    result: "7fffc000000000000001",
    status: 1,
  },
  {
    what: "the sine of pi is that of a pi of 66 bits",
    name: "f80_sine",
    a: 0x4000c90fdaa22168c235n,
    result: "bfbf8000000000000000",
    status: 0x20,
  },
  {
    what: "the tangent of the smallest normal number, truncated, is itself",
    name: "f80_tangent",
    a: 0x00018000000000000000n,
    control: 0xf7f,
    result: "3fff8000000000000000",
    status: 0x20,
  },
  {
    what: "a logarithm that is an exact denormal still underflows",
    name: "f80_logarithm",
    a: 0x00000000000000000001n,
    b: 0x00000000000001000001n,
    control: 0xb7f,
    result: "8000000000403d00403d",
    status: 0x32,
  },
  {
    what: "two to the one, less one, counts as inexact",
    name: "f80_power",
    a: ONE,
    result: "3fff8000000000000000",
    status: 0x20,
  },
  {
    what: "an argument of two to the 63 is left alone",
    name: "f80_cosine",
    a: 0x403e8000000000000000n,
    result: "403e8000000000000000",
    status: 0x400,
  },
];

for (const find of FINDS) {
  test(find.what, () => {
    const operation = OPERATIONS.find((one) => one.name === find.name);
    assert.ok(operation);
    const control = find.control ?? 0x37f;
    const operands = { a: bytesOf(find.a), b: bytesOf(find.b ?? 0n) };
    const status = runCase(module, operation, { operation: operation.operation, control, ...operands });
    const bytes = module.bytes.slice(DST, DST + find.result.length / 2);
    assert.equal(Buffer.from(bytes).reverse().toString("hex"), find.result);
    assert.equal(status & operation.statusMask, find.status);
  });
}

/** Calls an SSE function and takes its flags. */
function sse(name: string, ...operands: (number | bigint)[]): [bigint, number] {
  module.call("float_take_flags");
  const result = BigInt.asUintN(64, BigInt(module.call(name, ...operands)));
  return [result, Number(module.call("float_take_flags"))];
}

test("SSE takes the first operand's NaN even when the second signals", () => {
  const quiet = 0x7ff8000000000001n;
  const signalling = 0x7ff0000000000002n;
  assert.deepEqual(sse("f64_add", quiet, signalling, 0x1f80), [quiet, 1]);
  assert.deepEqual(sse("f64_add", signalling, quiet, 0x1f80), [0x7ff8000000000002n, 1]);
});

test("flush-to-zero and denormals-are-zeros are separate switches", () => {
  const smallest = 0x0010000000000000n;
  const half = 0x3fe0000000000000n;
  assert.deepEqual(sse("f64_mul", smallest, half, 0x1f80), [0x0008000000000000n, 0]);
  assert.deepEqual(sse("f64_mul", smallest, half, 0x9f80), [0n, 0x30]);
  assert.deepEqual(sse("f64_add", 1n, 1n, 0x1f80), [2n, 2]);
  assert.deepEqual(sse("f64_add", 1n, 1n, 0x1fc0), [0n, 0]);
});

test("an operand may be its own destination", () => {
  module.bytes.set(bytesOf(ONE), A);
  module.bytes.set(bytesOf(ONE), B);
  assert.equal(module.call("f80_add", A, A, B, 0x37f), 0);
  assert.deepEqual(module.bytes.slice(A, A + 16), bytesOf(0x40008000000000000000n));
});
