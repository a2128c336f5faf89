import assert from "node:assert/strict";
import { test } from "node:test";
import { SliceBudget } from "./slice-budget.ts";

test("slices settle at the time wanted, fast engine or slow", () => {
  for (const unitsPerMs of [150, 5_000, 1_000_000]) {
    const budget = new SliceBudget();
    for (let i = 0; i < 40; i++) {
      const units = budget.next();
      budget.learn(units, units / unitsPerMs);
    }
    const ms = budget.next() / unitsPerMs;
    assert.ok(ms > 1.5 && ms < 2.5, `${unitsPerMs}: ${ms} ms`);
  }
});

test("one lucky slice does not make the next one long", () => {
  const budget = new SliceBudget();
  const units = budget.next();
  budget.learn(units, 0.0001);
  assert.ok(budget.next() <= 4 * units);
});
