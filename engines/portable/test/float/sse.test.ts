/*
 * The SSE soft path against the host's own SSE: every rounding mode, flush-to-zero, denormals-are-zeros and
 * exception mask. HEARTH_FUZZ_ITERATIONS cases an instruction (400 unless set), HEARTH_FUZZ_SEED repeats a run.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { buildFloats } from "./float-build.ts";
import { buildOracle, type FloatCase, oracleMissing } from "./float-oracle.ts";
import { bytesOf, FloatRandom, pattern, randomNarrow } from "./operands.ts";
import { SSE_OPERATIONS, sseDifference, type SseOperation } from "./sse-operations.ts";

const iterations = Number(process.env.HEARTH_FUZZ_ITERATIONS ?? 400);
const seed = BigInt(process.env.HEARTH_FUZZ_SEED ?? 1);
const skip = oracleMissing();

/** A vector of operands; the second one is often near the first. */
function vector(random: FloatRandom, source: 0 | 23 | 52, near?: bigint): bigint {
  if (source === 0) return pattern(random);
  const width = source === 23 ? 32n : 64n;
  let value = 0n;
  for (let shift = 0n; shift < 128n; shift += width) {
    let lane = randomNarrow(random, source);
    if (near !== undefined && random.below(4) === 0) {
      lane = BigInt.asUintN(Number(width), (near >> shift) ^ BigInt(random.below(4)));
      lane ^= BigInt(random.below(2)) << (width - 1n);
    }
    value |= lane << shift;
  }
  return value;
}

function randomCase(random: FloatRandom, operation: SseOperation): FloatCase {
  const masks = random.below(3) === 0 ? random.below(64) : 0x3f;
  const modes = random.below(2) === 0 ? 0 : (random.below(2) << 15) | (random.below(2) << 6);
  const control = (masks << 7) | modes | (random.below(4) << 13);
  const a = vector(random, operation.source);
  const b = vector(random, operation.source, a);
  return { operation: operation.operation, control, a: bytesOf(a), b: bytesOf(b) };
}

test("the SSE soft path agrees with the host bit for bit", { skip }, async (t) => {
  const module = buildFloats();
  const oracle = buildOracle();
  for (const operation of SSE_OPERATIONS) {
    await t.test(`${operation.name} (${operation.operation})`, () => {
      const random = new FloatRandom(seed + BigInt(operation.operation));
      for (let done = 0; done < iterations; done += 20_000) {
        const count = Math.min(20_000, iterations - done);
        const cases = Array.from({ length: count }, () => randomCase(random, operation));
        const answers = oracle(cases);
        const found = cases
          .map((one, index) => sseDifference(module, operation, one, answers[index] as (typeof answers)[0]))
          .filter((text) => text !== undefined);
        assert.deepEqual(found.slice(0, 5), [], `${found.length} differences, seed ${seed}`);
      }
    });
  }
});
