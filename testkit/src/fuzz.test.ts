// The fuzz runner: the same seeds every time, and a failure that says how to repeat it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FuzzFailure, runFuzz } from "./fuzz.ts";
import { Prng } from "./prng.ts";

const SILENT = { diagnostic: () => {} };
/** A wish from the environment is for other tests. */
const isPlain =
  process.env["HEARTH_FUZZ_SEED"] === undefined && process.env["HEARTH_FUZZ_ITERATIONS"] === undefined;

test("the same seed gives the same numbers, another one others", () => {
  const take = (seed: number) =>
    Array.from(
      { length: 5 },
      (
        (prng) => () =>
          prng.u32()
      )(new Prng(seed)),
    );
  assert.deepEqual(take(7), take(7));
  assert.notDeepEqual(take(7), take(8));
});

test("numbers below a bound reach all of it and no more", () => {
  const prng = new Prng(1);
  const seen = new Set(Array.from({ length: 1000 }, () => prng.below(7)));
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6]);
});

test("cases differ from each other and are the same in every run", {
  skip: !isPlain && "seeds are set",
}, () => {
  const run = () => {
    const numbers: number[] = [];
    runFuzz(SILENT, 5, (prng) => numbers.push(prng.u32()));
    return numbers;
  };
  assert.equal(new Set(run()).size, 5);
  assert.deepEqual(run(), run());
});

test("a failure names the seed that repeats it", { skip: !isPlain && "seeds are set" }, () => {
  const isBad = (prng: Prng) => prng.u32() % 3 === 0;
  let failure: unknown;
  try {
    runFuzz(SILENT, 100, (prng) => assert.ok(!isBad(prng), "planted"));
  } catch (error) {
    failure = error;
  }
  assert.ok(failure instanceof FuzzFailure);
  assert.match(failure.message, /HEARTH_FUZZ_SEED=\d+\): planted/);
  assert.ok(isBad(new Prng(failure.seed)));
});
