import assert from "node:assert/strict";
import { test } from "node:test";
import { ExitReason } from "@hearth/machine";
import { type FuzzCounts, fuzzEngine } from "@hearth/testkit/engine-fuzz/fuzz-engine";
import { runFuzz } from "@hearth/testkit/fuzz";
import { createPortableEngine } from "../../src/index.ts";
import { Guards } from "./guards.ts";

test("random code in random states neither stops nor breaks the engine", async (t) => {
  const engine = await createPortableEngine();
  const counts: FuzzCounts = new Map();
  let guards: Guards | undefined;
  runFuzz(t, 150, (prng) =>
    fuzzEngine(
      engine,
      prng,
      counts,
      ({ memory }) => {
        guards = new Guards(memory);
      },
      () => guards?.check(),
    ),
  );
  t.diagnostic(`exits: ${JSON.stringify([...counts])}`);
  if (process.env["HEARTH_FUZZ_SEED"] === undefined)
    for (const reason of [ExitReason.Budget, ExitReason.Halt, ExitReason.Shutdown, ExitReason.Kicked])
      assert.ok(counts.has(reason), `no run ended with exit reason ${reason}`);
});
