import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordedProfile } from "./recorded-profile.ts";
import { profileReport } from "./report.ts";
import { guestTree, threadTree } from "./profile-tree.ts";
import { foldStacks } from "./stack-tree.ts";
import { SystemMap } from "./system-map.ts";

const KERNEL = 0xffff_ffff_8100_0010n;
const PROFILE: RecordedProfile = {
  durationUs: 10_000,
  sampleCount: 50,
  threadCpuUs: 6000,
  otherCpuUs: 1000,
  stacks: [
    { activity: "interpreter", frames: ["add 01"], us: 3000 },
    { activity: "regions", frames: ["region ffffffff81000010"], us: 1000 },
    { activity: "idle", frames: ["(idle)"], us: 4000 },
  ],
  guestPlaces: [
    { address: KERNEL, isUser: false, source: "region", us: 1000 },
    { address: KERNEL + 8n, isUser: false, source: "interruption", us: 2000 },
    { address: 0x40_1234n, isUser: true, source: "interruption", us: 1000 },
  ],
  counts: { engine: { "TLB fills": 12, nothing: 0 } },
  ports: [{ name: "uart16550", reads: 1, writes: 22 }],
  mmio: [],
};
const SYMBOLS = SystemMap.parse("ffffffff81000000 T start_kernel\n");

test("shares are those of the time at work", () => {
  const report = profileReport(PROFILE);
  assert.match(report, /^profile: 10\.0 ms, 50 samples\n/);
  assert.match(report, / 3\.0 {2}75\.0% {2}interpreter\n/);
  assert.match(report, / 1\.0 {2}25\.0% {2}regions\n/);
  assert.match(report, / 4\.0 {9}idle\n/);
});

test("guest code is named by symbol or page, with the share in regions", () => {
  const report = profileReport(PROFILE, SYMBOLS);
  assert.match(report, / 3\.0 {2}75\.0% {3}33% {2}kernel start_kernel\n/);
  assert.match(report, / 1\.0 {2}25\.0% {4}0% {2}user {3}0000000000401000 page\n/);
  assert.match(report, / 1\.0 100\.0% {2}ffffffff81000010 start_kernel\n/);
  assert.match(profileReport(PROFILE), /kernel ffffffff81000000 page/);
});

test("counts of none and tables without lines are left out", () => {
  const report = profileReport(PROFILE);
  assert.match(report, / 12 {2}TLB fills\n/);
  assert.doesNotMatch(report, /nothing/);
  assert.match(report, / 1 {10}22 {2}uart16550\n/);
  assert.doesNotMatch(report, /device memory/);
});

test("the trees of the flame graph hold both views", () => {
  assert.equal(
    foldStacks(threadTree(PROFILE, SYMBOLS)),
    [
      "runner's thread;idle;(idle) 4000",
      "runner's thread;interpreter;add 01 3000",
      "runner's thread;regions;region ffffffff81000010 start_kernel 1000\n",
    ].join("\n"),
  );
  assert.equal(
    foldStacks(guestTree(PROFILE, SYMBOLS)),
    [
      "guest;kernel;start_kernel 2000",
      "guest;kernel;start_kernel;region ffffffff81000010 1000",
      "guest;user;0000000000401000 page 1000\n",
    ].join("\n"),
  );
});
