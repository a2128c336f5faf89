import assert from "node:assert/strict";
import { test } from "node:test";
import { compare as compareIn } from "./comparison.ts";
import { ENGINE_CONTESTS } from "./engine/peers.ts";
import type { Sample } from "./run-once.ts";

function sample(seconds: Record<string, number>, checksum = "c0ffee", powerOnS = 1): Sample {
  const programs = Object.entries(seconds).map(([name, s]) => [name, { seconds: s, checksum }] as const);
  return { powerOnS, peakRssMib: 100, programs: new Map(programs) };
}

function samples(entries: Record<string, Sample[]>): Map<string, Sample[]> {
  return new Map(Object.entries(entries));
}

const compare = (all: Map<string, Sample[]>) =>
  compareIn(all, ENGINE_CONTESTS[0] as (typeof ENGINE_CONTESTS)[0]);

test("each program is compared with the TCG model that is faster for it", () => {
  const result = compare(
    samples({
      native: [sample({ a: 1, b: 1 })],
      "tcg-max": [sample({ a: 4, b: 10 })],
      "tcg-qemu64": [sample({ a: 8, b: 5 })],
      hearth: [sample({ a: 40, b: 20 }), sample({ a: 44, b: 22 }), sample({ a: 36, b: 18 })],
    }),
  );
  const [a, b] = result.programs;
  assert.deepEqual([a?.rival, a?.vsRival, a?.vsBaseline], ["tcg-max", 10, 40]);
  assert.deepEqual([b?.rival, b?.vsRival, b?.vsBaseline], ["tcg-qemu64", 4, 20]);
  assert.ok(Math.abs((result.meanVsRival ?? 0) - Math.sqrt(40)) < 1e-9);
  assert.deepEqual(a?.byPeer.get("hearth"), { median: 40, spread: 0.2 });
  assert.deepEqual(result.mismatches, []);
});

test("power-on is compared between machines only", () => {
  const result = compare(
    samples({
      native: [sample({ a: 1 }, "1", 0.01)],
      "tcg-max": [sample({ a: 1 }, "1", 2)],
      hearth: [sample({ a: 1 }, "1", 6)],
    }),
  );
  assert.equal(result.powerOn.vsRival, 3);
  assert.equal(result.powerOn.vsBaseline, undefined);
  assert.equal(result.peakRss.byPeer.has("native"), false);
});

test("a checksum that differs from the native one is found, in any sample", () => {
  const result = compare(
    samples({ native: [sample({ a: 1 }, "aa")], hearth: [sample({ a: 9 }, "aa"), sample({ a: 9 }, "ab")] }),
  );
  assert.deepEqual(result.mismatches, [{ program: "a", peer: "hearth", got: "ab", expected: "aa" }]);
});

test("a program that prints no checksum is as wrong as one that prints another", () => {
  const silent: Sample = { ...sample({}), programs: new Map([["a", { seconds: 1, checksum: undefined }]]) };
  const result = compare(samples({ native: [silent], hearth: [silent] }));
  assert.equal(result.mismatches.length, 2);
});

test("one peer alone gives no factors", () => {
  const result = compare(samples({ hearth: [sample({ a: 3 })] }));
  assert.equal(result.meanVsRival, undefined);
  assert.equal(result.programs[0]?.vsBaseline, undefined);
});

test("peers of another contest are not looked at", () => {
  const other = { hearth: [sample({ a: 3 })], "hearth-32": [sample({ a: 3, b: 1 }, "other")] };
  const result = compare(samples(other));
  assert.deepEqual(result.mismatches, []);
  assert.deepEqual(
    result.programs.map(({ name }) => name),
    ["a"],
  );
});
