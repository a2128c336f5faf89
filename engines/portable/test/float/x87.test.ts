/*
 * The x87 soft floats against the host's own: every exact instruction, all rounding modes, precisions and
 * exception masks. HEARTH_FUZZ_ITERATIONS cases an instruction (800 unless set), HEARTH_FUZZ_SEED repeats a run.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { buildFloats } from "./float-build.ts";
import { buildOracle, type FloatCase, oracleMissing } from "./float-oracle.ts";
import { bytesOf, FloatRandom, pattern, randomF80, randomNarrow, randomPartner } from "./operands.ts";
import { difference, EXACT_OPERATIONS, type FloatOperation, type OperandKind } from "./x87-operations.ts";

const iterations = Number(process.env.HEARTH_FUZZ_ITERATIONS ?? 800);
const seed = BigInt(process.env.HEARTH_FUZZ_SEED ?? 1);
const skip = oracleMissing();

function operand(random: FloatRandom, kind: OperandKind, first?: bigint): bigint {
  if (kind === "f80") return first === undefined ? randomF80(random) : randomPartner(random, first);
  if (kind === "f32") return randomNarrow(random, 23);
  if (kind === "f64") return randomNarrow(random, 52);
  if (kind === "none") return 0n;
  const bits = (pattern(random) << 64n) | pattern(random);
  if (kind === "integer") return bits;
  let digits = 0n;
  for (let i = 0; i < 18; i++) digits = (digits << 4n) | BigInt(random.below(10));
  return random.below(4) === 0 ? bits & 0xffffn : digits | (BigInt(random.below(2)) << 79n);
}

/** Masked more often than not. The reserved precision 01 means 64 bits, as 11 does. */
function randomControl(random: FloatRandom): number {
  const masks = random.below(3) === 0 ? random.below(64) : 0x3f;
  const precision = random.pick([0, 1, 2, 3, 3]);
  return 0x40 | masks | (precision << 8) | (random.below(4) << 10);
}

function randomCase(random: FloatRandom, operation: FloatOperation): FloatCase {
  const a = operand(random, operation.a);
  const b = operand(random, operation.b, a);
  return { operation: operation.operation, control: randomControl(random), a: bytesOf(a), b: bytesOf(b) };
}

test("x87 arithmetic, compares and conversions agree with the host bit for bit", { skip }, async (t) => {
  const module = buildFloats();
  const oracle = buildOracle();
  for (const operation of EXACT_OPERATIONS) {
    await t.test(`${operation.name} (${operation.operation})`, () => {
      const random = new FloatRandom(seed + BigInt(operation.operation));
      for (let done = 0; done < iterations; done += 20_000) {
        const count = Math.min(20_000, iterations - done);
        const cases = Array.from({ length: count }, () => randomCase(random, operation));
        const answers = oracle(cases);
        const found = cases
          .map((one, index) => difference(module, operation, one, answers[index] as (typeof answers)[0]))
          .filter((text) => text !== undefined);
        assert.deepEqual(found.slice(0, 5), [], `${found.length} differences, seed ${seed}`);
      }
    });
  }
});
