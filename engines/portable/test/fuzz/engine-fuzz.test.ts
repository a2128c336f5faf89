import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Engine, ExitReason } from "@hearth/machine";
import { compareEngines } from "@hearth/testkit/engine-fuzz/compare-engines";
import { type FuzzCounts, fuzzEngine } from "@hearth/testkit/engine-fuzz/fuzz-engine";
import { runFuzz } from "@hearth/testkit/fuzz";
import { createPortableEngine } from "../../src/index.ts";
import { createEagerEngine, createMixedEngine } from "../eager-engine.ts";
import { Guards } from "./guards.ts";

function fuzz(t: TestContext, engine: Engine, iterations: number, sliceLimitMs: number): FuzzCounts {
  const counts: FuzzCounts = new Map();
  runFuzz(t, iterations, (prng) => {
    let guards: Guards | undefined;
    fuzzEngine(engine, prng, {
      counts,
      sliceLimitMs,
      prepare: ({ memory }) => {
        guards = new Guards(memory);
      },
      check: () => guards?.check(),
    });
  });
  t.diagnostic(`exits: ${JSON.stringify([...counts])}`);
  return counts;
}

test("random code in random states neither stops nor breaks the engine", async (t) => {
  const counts = fuzz(t, await createPortableEngine(), 150, 4000);
  if (process.env["HEARTH_FUZZ_SEED"] !== undefined) return;
  for (const reason of [ExitReason.Budget, ExitReason.Halt, ExitReason.Shutdown, ExitReason.Kicked])
    assert.ok(counts.has(reason), `no run ended with exit reason ${reason}`);
});

test("random code compiled before it runs does not either", async (t) => {
  // Every block is compiled, which a real machine has no time for.
  fuzz(t, await createEagerEngine(), 40, 60_000);
});

test("random code interpreted and compiled by turns does not either", async (t) => {
  fuzz(t, await createMixedEngine(1), 40, 60_000);
});

test("random code ends the same, interpreted, compiled or by turns", async (t) => {
  // RDRAND must give all the same.
  t.mock.method(crypto, "getRandomValues", (values: Uint32Array) => values.fill(0x5a5a_5a5a));
  const pairs = await Promise.all(
    [createEagerEngine, (regions: boolean) => createMixedEngine(1, regions)].map((create) =>
      Promise.all([create(false), create(true)]),
    ),
  );
  let ended = 0;
  runFuzz(t, 200, (prng) => {
    const seed = prng.u32();
    for (const [interpreted, compiled] of pairs) if (compareEngines(interpreted, compiled, seed)) ended++;
  });
  t.diagnostic(`${ended} guests came to an end`);
  if (process.env["HEARTH_FUZZ_SEED"] === undefined) assert.ok(ended > 100);
});
