// Budgets follow measured speed, within limits.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SlicePacer } from "./slice-pacer.ts";

const FAR = Number.POSITIVE_INFINITY;

test("before anything is known it starts small and never exceeds the caller's budget", () => {
  const pacer = new SlicePacer();
  assert.equal(pacer.unitsFor(FAR, 1e9), 5000);
  assert.equal(pacer.unitsFor(FAR, 10), 10);
  assert.equal(pacer.expectedNs(10), FAR);
});

test("it aims at the next timer, at most a millisecond, at least some work", () => {
  const pacer = new SlicePacer();
  pacer.record(1000, 100_000);
  assert.equal(pacer.unitsFor(50_000, 1e9), 500);
  assert.equal(pacer.expectedNs(500), 50_000);
  assert.equal(pacer.unitsFor(FAR, 1e9), 10_000);
  assert.equal(pacer.unitsFor(-5, 1e9), 200);
  assert.equal(pacer.unitsFor(FAR, 300), 300);
});

test("it follows a change of speed", () => {
  const pacer = new SlicePacer();
  pacer.record(1000, 100_000);
  for (let i = 0; i < 40; i++) pacer.record(1000, 10_000);
  assert.ok(Math.abs(pacer.unitsFor(FAR, 1e9) - 100_000) < 1000);
  pacer.record(0, 5);
  pacer.record(5, 0);
  assert.ok(Math.abs(pacer.unitsFor(FAR, 1e9) - 100_000) < 1000);
});
