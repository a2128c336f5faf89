import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { test } from "node:test";
import { yieldToVcpus } from "./background-threads.ts";

const hasThreads = process.platform === "linux";

function priorities(): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const thread of readdirSync("/proc/self/task")) {
    const name = readFileSync(`/proc/self/task/${thread}/comm`, "utf8").trim();
    found.set(name, [...(found.get(name) ?? []), getPriority(Number(thread))]);
  }
  return found;
}

test("V8's worker threads yield, this one does not", { skip: !hasThreads && "no procfs here" }, () => {
  const own = getPriority();
  yieldToVcpus();
  const now = priorities();
  assert.equal(getPriority(process.pid), own);
  const workers = now.get("V8Worker") ?? [];
  assert.ok(workers.length > 0);
  assert.ok(workers.every((nice) => nice >= 10));
  yieldToVcpus();
  assert.deepEqual(priorities(), now);
});
