import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSoakOptions } from "./options.ts";

test("half an hour in one machine with regions is what happens when nothing is said", () => {
  const options = parseSoakOptions([]);
  assert.equal(options?.minutes, 30);
  assert.equal(options?.regions, "on");
  assert.equal(options?.machines, 1);
  assert.equal(options?.jobs, undefined);
});

test("what is said holds, and what makes no sense is refused", () => {
  const options = parseSoakOptions(["--regions", "off", "--minutes", "0.5", "--jobs", "forks,code"]);
  assert.deepEqual([options?.regions, options?.minutes, options?.jobs], ["off", 0.5, ["forks", "code"]]);
  for (const args of [
    ["--regions", "maybe"],
    ["--minutes", "0"],
    ["--machines", "1.5"],
    ["--minuets", "3"],
  ])
    assert.throws(() => parseSoakOptions(args), { code: "bench.usage" }, args.join(" "));
  assert.equal(parseSoakOptions(["--help"]), undefined);
});
