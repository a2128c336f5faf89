import assert from "node:assert/strict";
import { test } from "node:test";
import { geometricMean, median, spread } from "./statistics.ts";

test("the median does not depend on the order and is always a sample", () => {
  assert.equal(median([3, 10, 1]), 3);
  assert.equal(median([4, 1, 2, 10]), 2);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test("the spread is relative to the median", () => {
  assert.equal(spread([2, 3, 4]), 2 / 3);
  assert.equal(spread([5]), 0);
});

test("the geometric mean weighs a factor and its inverse alike", () => {
  assert.ok(Math.abs(geometricMean([4, 0.25]) - 1) < 1e-12);
  assert.ok(Math.abs(geometricMean([2, 8]) - 4) < 1e-12);
});
