import assert from "node:assert/strict";
import { test } from "node:test";
import { condense } from "./condense.ts";
import type { CpuProfile } from "./cpu-profile.ts";

const WASM = "wasm://wasm/1";
const RUNNER = "file:///hearth/platform/src/vmm/runner/runner.ts";
const REGION = "region ffffffff81000010";

/** Samples of the nodes: 3 a handler, 4 a region, 5 a core function in it, 6 idle. */
function profile(samples: number[], timeDeltas: number[]): CpuProfile {
  const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
    id,
    callFrame: { functionName, url },
    children,
  });
  return {
    startTime: 0,
    endTime: 10_000,
    nodes: [
      node(1, "(root)", "", [2, 6]),
      node(2, "slice", RUNNER, [3, 4]),
      node(3, "add 01 (64, register)", WASM),
      node(4, REGION, WASM, [5]),
      node(5, "src/core/mmu/paging/walk", WASM),
      node(6, "(idle)", ""),
    ],
    samples,
    timeDeltas,
  };
}

test("time is summed by stack, from the first frame on that belongs to the activity", () => {
  const { stacks } = condense(profile([3, 5, 3, 4], [100, 200, 300, 50]), []);
  assert.deepEqual(stacks, [
    { activity: "interpreter", frames: ["add 01 (64, register)"], us: 400 },
    { activity: "MMU", frames: ["core/mmu/paging/walk"], us: 200 },
    { activity: "regions", frames: [REGION], us: 50 },
  ]);
});

test("a stack begins where its activity does for the last time", () => {
  const names = [
    "run",
    "in 6c (8, register)",
    "src/core/system/ports/portInput",
    "wasm-to-js",
    "readPort",
    "read",
  ];
  const urls = [WASM, WASM, WASM, "", "file:///hearth/machine/src/cpu/vcpu-slot.ts", ""];
  const nodes = names.map((functionName, i) => ({
    id: i + 1,
    callFrame: { functionName, url: urls[i] as string },
    children: i + 1 < names.length ? [i + 2] : [],
  }));
  const root = { id: 0, callFrame: { functionName: "(root)", url: "" }, children: [1] };
  const inPort = { startTime: 0, endTime: 1, nodes: [root, ...nodes], samples: [6], timeDeltas: [10] };
  assert.deepEqual(condense(inPort, []).stacks, [
    { activity: "devices", frames: ["vcpu-slot: readPort", "read"], us: 10 },
  ]);
});

test("what is too long for a sample was time without samples, except when idle", () => {
  const { stacks } = condense(profile([3, 6], [5000, 4000]), []);
  assert.deepEqual(stacks, [
    { activity: "not running (the host was busy)", frames: [], us: 4000 },
    { activity: "interpreter", frames: ["add 01 (64, register)"], us: 1000 },
    { activity: "idle", frames: ["(idle)"], us: 4000 },
  ]);
});

test("a region knows its place, anything else is where the next interruption found the guest", () => {
  const samples = [
    { timeUs: 90, rip: 1n, isUser: true },
    { timeUs: 150, rip: 0x40_1000n, isUser: true },
  ];
  const { guestPlaces } = condense(profile([3, 5, 6, 3], [100, 100, 100, 100]), samples);
  assert.deepEqual(guestPlaces, [
    { address: 0x40_1000n, isUser: true, source: "interruption", us: 100 },
    { address: 0xffff_ffff_8100_0010n, isUser: false, source: "region", us: 100 },
  ]);
});

test("an interruption long after says nothing", () => {
  const samples = [{ timeUs: 3000, rip: 1n, isUser: false }];
  assert.deepEqual(condense(profile([3], [100]), samples).guestPlaces, []);
});
