import assert from "node:assert/strict";
import { test } from "node:test";
import { type CpuProfile, eachSample, stacksOf } from "./cpu-profile.ts";

const frame = (functionName: string) => ({ functionName, url: "" });
const PROFILE: CpuProfile = {
  startTime: 1000,
  endTime: 2000,
  nodes: [
    { id: 1, callFrame: frame("(root)"), children: [2, 4] },
    { id: 2, callFrame: frame("outer"), children: [3] },
    { id: 3, callFrame: frame("inner") },
    { id: 4, callFrame: frame("(idle)") },
  ],
  samples: [3, 4, 3],
  timeDeltas: [10, 20, -5],
};

test("each node has the frames that lead to it", () => {
  const names = [...stacksOf(PROFILE)].map(([id, stack]) => [id, stack.map((f) => f.functionName).join(">")]);
  assert.deepEqual(
    names.sort(),
    [
      [1, ""],
      [2, "outer"],
      [3, "outer>inner"],
      [4, "(idle)"],
    ].sort(),
  );
});

test("a sample stands for the time since the one before, and never for less than none", () => {
  const seen: number[][] = [];
  eachSample(PROFILE, (...sample) => seen.push(sample));
  assert.deepEqual(seen, [
    [3, 1010, 10],
    [4, 1030, 20],
    [3, 1030, 0],
  ]);
});

test("a profile without samples has none", () => {
  eachSample({ nodes: [], startTime: 0, endTime: 0 }, () => assert.fail());
});
