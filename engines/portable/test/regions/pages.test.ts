// Regions over several pages: the same as interpreted while frames are mapped elsewhere and changed.
//   HEARTH_FUZZ_SEED, HEARTH_FUZZ_ITERATIONS  see testkit/src/fuzz.ts

import assert from "node:assert/strict";
import { test } from "node:test";
import { runFuzz } from "@hearth/testkit/fuzz";
import { createEagerEngine, createMixedEngine } from "../eager-engine.ts";
import { pagedGuest } from "./paged-guest.ts";

test("regions over pages that are mapped and changed while they are in use", async (t) => {
  const interpreted = await createEagerEngine(false);
  const mixed = await Promise.all([1, 2, 3].map((seed) => createMixedEngine(seed)));
  runFuzz(t, 30, (prng) => {
    const seed = prng.u32();
    const expected = pagedGuest(interpreted, seed);
    expected.runExpecting();
    for (const engine of mixed) {
      const guest = pagedGuest(engine, seed);
      guest.runExpecting();
      assert.deepEqual(guest.registers, expected.registers);
    }
  });
});
