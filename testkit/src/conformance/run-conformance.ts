// Registers the whole suite as tests of one engine.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Engine } from "@hearth/machine";
import { CONFORMANCE_CASES } from "./cases/index.ts";

/** Cases an engine does not pass, by name, each with the reason; a name that is no case fails. */
export type ConformanceSkips = Readonly<Record<string, string>>;

/** Declares one test for every case. The engine is made once. */
export function runConformance(createEngine: () => Promise<Engine>, skips: ConformanceSkips = {}): void {
  const engine = createEngine();
  for (const { name, check } of CONFORMANCE_CASES) {
    const skip = skips[name] ?? false;
    test(name, { skip }, async () => check(await engine));
  }
  test("the list of skipped cases names only cases", () => {
    const names = new Set(CONFORMANCE_CASES.map(({ name }) => name));
    assert.deepEqual(
      Object.keys(skips).filter((name) => !names.has(name)),
      [],
    );
  });
}
