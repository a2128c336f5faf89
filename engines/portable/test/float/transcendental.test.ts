/*
 * The transcendental x87 instructions against the host's. The soft floats round correctly but for one case
 * in some 2^40 (at most 0.5000 ulp against 400-bit arithmetic in 33,000 cases); the AMD host compared with
 * reached 0.63 ulp, so that results may differ by one unit of the last place. Flags must agree, C1 aside.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { buildFloats, type FloatModule } from "./float-build.ts";
import { buildOracle, type FloatAnswer, type FloatCase, oracleMissing } from "./float-oracle.ts";
import { bytesOf, f80, FloatRandom, randomF80, randomPartner } from "./operands.ts";
import { CLOSE_OPERATIONS, DST, DST2, type FloatOperation, runCase } from "./x87-operations.ts";

const iterations = Number(process.env.HEARTH_FUZZ_ITERATIONS ?? 2000);
const seed = BigInt(process.env.HEARTH_FUZZ_SEED ?? 1);
const skip = oracleMissing();
const TOP = 1n << 63n;

/** Place of a number among all numbers of the format, so that neighbours differ by one. */
function place(bytes: Uint8Array, at: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 10);
  const significand = view.getBigUint64(0, true);
  const signExponent = view.getUint16(8, true);
  const exponent = BigInt(signExponent & 0x7fff);
  const magnitude = exponent === 0n ? significand : ((exponent - 1n) << 63n) + significand;
  return (signExponent & 0x8000) !== 0 ? -magnitude : magnitude;
}

function near(a: bigint, b: bigint): boolean {
  return a - b <= 1n && b - a <= 1n;
}

/** Half the cases are ordinary arguments, the other half anything at all. */
function randomCase(random: FloatRandom, operation: FloatOperation): FloatCase {
  const plain = f80(
    (0x3fff - random.below(40) + random.below(24)) | (random.below(2) << 15),
    random.bits() | TOP,
  );
  const a = random.below(2) === 0 ? plain : randomF80(random);
  const b = operation.b === "f80" ? randomPartner(random, a) : 0n;
  const masks = random.below(3) === 0 ? random.below(64) : 0x3f;
  const control = 0x340 | masks | (random.below(4) << 10);
  return { operation: operation.operation, control, a: bytesOf(a), b: bytesOf(b) };
}

function disagreement(
  module: FloatModule,
  operation: FloatOperation,
  one: FloatCase,
  host: FloatAnswer,
): string | undefined {
  const status = runCase(module, operation, one);
  const first = near(place(module.bytes, DST), place(host.r0, 0));
  const pushed = operation.result === "pair" && (host.status & 0x3800) === 0x3000;
  const second = !pushed || near(place(module.bytes, DST2), place(host.r1, 0));
  if (first && second && ((status ^ host.status) & operation.statusMask) === 0) return undefined;
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes.slice(0, 10)).reverse().toString("hex");
  const results = `here ${hex(module.bytes.slice(DST))} ${hex(module.bytes.slice(DST2))} ${status.toString(16)}`;
  const theirs = `host ${hex(host.r0)} ${hex(host.r1)} ${host.status.toString(16)}`;
  return `${operation.name} a=${hex(one.a)} b=${hex(one.b)} control=${one.control.toString(16)}: ${results}, ${theirs}`;
}

test("transcendental results are within one unit of the host's", { skip }, async (t) => {
  const module = buildFloats();
  const oracle = buildOracle();
  for (const operation of CLOSE_OPERATIONS) {
    await t.test(operation.name, () => {
      const random = new FloatRandom(seed + BigInt(operation.operation));
      for (let done = 0; done < iterations; done += 20_000) {
        const count = Math.min(20_000, iterations - done);
        const cases = Array.from({ length: count }, () => randomCase(random, operation));
        const answers = oracle(cases);
        const found = cases
          .map((one, index) => disagreement(module, operation, one, answers[index] as FloatAnswer))
          .filter((text) => text !== undefined);
        assert.deepEqual(found.slice(0, 5), [], `${found.length} differences, seed ${seed}`);
      }
    });
  }
});
