import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "./options.ts";

test("without arguments everything runs three times at full size", () => {
  const options = parseOptions([]);
  assert.equal(options?.runs, 3);
  assert.equal(options?.scale, 100);
  assert.equal(options?.programs, undefined);
  assert.equal(options?.isKept, true);
});

test("a list is taken apart, and an empty one is no program at all", () => {
  assert.deepEqual(parseOptions(["--list", "sieve,xz"])?.programs, ["sieve", "xz"]);
  assert.deepEqual(parseOptions(["--list", ""])?.programs, []);
  assert.deepEqual(parseOptions(["--peers", "native,hearth"])?.peers, ["native", "hearth"]);
});

test("help is no run", () => {
  assert.equal(parseOptions(["--help"]), undefined);
});

test("what makes no sense is refused", () => {
  for (const args of [["--runs", "0"], ["--runs", "two"], ["--scale", "1.5"], ["--sclae", "10"], ["extra"]]) {
    assert.throws(() => parseOptions(args), { code: "bench.usage" }, args.join(" "));
  }
});
