import assert from "node:assert/strict";
import { test } from "node:test";
import type { Comparison, Measured, Row } from "./comparison.ts";
import { ENGINE_CONTESTS } from "./engine/peers.ts";
import { renderJson, renderMarkdown, type ReportInput } from "./report.ts";

const at = (median: number, spread = 0): Measured => ({ median, spread });

const SIEVE: Row = {
  name: "sieve",
  byPeer: new Map<string, Measured>([
    ["native", at(0.5)],
    ["tcg-qemu64", at(2.25, 0.04)],
    ["hearth", at(22.5, 0.1)],
  ]),
  rival: "tcg-qemu64",
  vsBaseline: 45,
  vsRival: 10,
};
const EMPTY: Row = {
  name: "peak RSS",
  byPeer: new Map(),
  rival: undefined,
  vsBaseline: undefined,
  vsRival: undefined,
};

function input(over: Partial<Comparison> = {}): ReportInput {
  return {
    name: "engine",
    title: "Engine benchmark",
    remarks: [],
    date: "2026-01-02T03:04:05Z",
    command: "npm run bench:engine -- --runs 3",
    host: {
      cpu: "Some CPU",
      cpus: 2,
      kernel: "Linux 6",
      node: "24.0.0",
      qemu: undefined,
      commit: "abc",
      loadBefore: 0.1,
      loadAfter: 1,
    },
    settings: { runs: 3, scale: 100, memoryMib: 128 },
    peers: new Map([["hearth", "node bin/hearth boot"]]),
    failures: new Map([["tcg-max", 1]]),
    comparisons: [comparison(over)],
  };
}

function comparison(over: Partial<Comparison>): Comparison {
  return {
    contest: ENGINE_CONTESTS[0] as (typeof ENGINE_CONTESTS)[0],
    programs: [SIEVE],
    powerOn: { ...EMPTY, name: "power-on to init" },
    peakRss: EMPTY,
    meanVsBaseline: 45,
    meanVsRival: 10,
    mismatches: [],
    ...over,
  };
}

test("a program is one line of the table, with the TCG model that was faster", () => {
  const text = renderMarkdown(input());
  assert.match(text, /^\| sieve \| 0\.500 ±0% \| 2\.250 q ±4% \| 22\.500 ±10% \| 45\.0 \| 10\.0 \|$/m);
  assert.match(text, /^\| \*\*geometric mean\*\* \| \| \| \| \*\*45\.0\*\* \| \*\*10\.0\*\* \|$/m);
  assert.match(text, /without QEMU/);
});

test("without programs there is no mean, and one that is unknown stays empty", () => {
  assert.doesNotMatch(
    renderMarkdown(input({ meanVsBaseline: undefined, meanVsRival: undefined })),
    /geometric/,
  );
  assert.match(renderMarkdown(input({ meanVsRival: undefined })), /\| \*\*45\.0\*\* \|  \|$/m);
});

test("what went wrong is said", () => {
  const mismatches = [{ program: "xz", peer: "hearth", got: "1", expected: "2" }] as const;
  const text = renderMarkdown(input({ mismatches }));
  assert.match(text, /Wrong checksum:\*\* xz on hearth: 1, not 2/);
  assert.match(text, /1 boot\(s\) of tcg-max did not finish/);
});

test("the JSON holds what the table holds", () => {
  const report = JSON.parse(renderJson(input()));
  assert.equal(report.contests[0].programs[0].hearth.median, 22.5);
  assert.equal(report.contests[0].programs[0].vsRival, 10);
  assert.equal(report.contests[0].meanVsRival, 10);
  assert.equal(report.host.cpu, "Some CPU");
  assert.deepEqual(report.failures, { "tcg-max": 1 });
});
