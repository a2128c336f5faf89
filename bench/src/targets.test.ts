import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "./comparison.ts";
import type { Contest } from "./contest.ts";
import type { Sample } from "./run-once.ts";
import { describeTargets } from "./targets.ts";

const CONTEST: Contest = {
  heading: undefined,
  baseline: "native",
  rival: "TCG",
  rivals: new Map([["tcg", ""]]),
  subject: "hearth",
  targets: { mean: 2, worst: 3, powerOn: 2 },
};

function sample(seconds: number, powerOnS: number): Sample {
  const programs = new Map([["sieve", { seconds, checksum: "1" }]]);
  return { powerOnS, peakRssMib: 100, programs };
}

function describe(hearth: Sample, contest = CONTEST): string | undefined {
  const samples = new Map([
    ["tcg", [sample(1, 1)]],
    ["hearth", [hearth]],
  ]);
  return describeTargets(compare(samples, contest));
}

test("what misses a target is named with its number", () => {
  assert.equal(
    describe(sample(3.5, 1.5)),
    "Targets, × TCG: mean ≤ 2, every program ≤ 3, power-on ≤ 2; missed: mean 3.50, sieve 3.50.",
  );
  assert.match(describe(sample(1, 2.25)) ?? "", /missed: power-on to init 2\.25\.$/);
});

test("what is just reached is reached, and without targets nothing is said", () => {
  assert.match(describe(sample(2, 2)) ?? "", /; all reached\.$/);
  assert.equal(describe(sample(9, 9), { ...CONTEST, targets: {} }), undefined);
});
