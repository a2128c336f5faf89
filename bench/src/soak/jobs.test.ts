import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseJobs, jobCommand, jobFiles, jobSequence } from "./jobs.ts";

test("jobs are the scripts, not the programs they compile", () => {
  const names = chooseJobs(undefined);
  assert.ok(names.includes("compile") && names.includes("threads"));
  assert.ok(jobFiles().has("threads.c") && !names.includes("threads.c"));
  assert.throws(() => chooseJobs(["compile", "compil"]), { code: "bench.usage" });
});

test("every job comes once before one comes again, with the next seed, and a seed repeats its order", () => {
  const names = ["a", "b", "c", "d", "e"];
  const take = (seed: number) => {
    const jobs = jobSequence(names, seed);
    return Array.from({ length: 10 }, () => jobs.next().value);
  };
  const jobs = take(7);
  assert.deepEqual(
    jobs
      .slice(0, 5)
      .map((job) => job.name)
      .toSorted(),
    names,
  );
  assert.deepEqual(
    jobs.map((job) => job.seed),
    [7, 7, 7, 7, 7, 8, 8, 8, 8, 8],
  );
  assert.deepEqual(take(8).slice(0, 5), jobs.slice(5));
  const orders = [1, 2, 3, 4].map((seed) =>
    take(seed)
      .slice(0, 5)
      .map((job) => job.name)
      .join(""),
  );
  assert.ok(new Set(orders).size > 1);
});

test("a job's command names the job and the seed", () => {
  assert.match(jobCommand({ name: "forks", seed: 12 }).join(" "), /sh \/soak\/forks 12 /);
});
