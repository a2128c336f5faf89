import assert from "node:assert/strict";
import { test } from "node:test";
import { type BenchForm, parseOptions as parse, usage } from "./options.ts";

const FORM: BenchForm = {
  script: "bench:engine",
  peers: ["native", "tcg", "hearth"],
  memoryMib: 96,
  timeoutS: 60,
  example: "sieve,xz",
  environment: "NONE",
};
const parseOptions = (args: readonly string[]) => parse(args, FORM);

test("without arguments everything runs three times at full size", () => {
  const options = parseOptions([]);
  assert.equal(options?.runs, 3);
  assert.equal(options?.scale, 100);
  assert.equal(options?.programs, undefined);
  assert.equal(options?.isKept, true);
  assert.deepEqual(options?.peers, FORM.peers);
  assert.equal(options?.memoryMib, 96);
});

test("a list is taken apart, and an empty one is no program at all", () => {
  assert.deepEqual(parseOptions(["--list", "sieve,xz"])?.programs, ["sieve", "xz"]);
  assert.deepEqual(parseOptions(["--list", ""])?.programs, []);
  assert.deepEqual(parseOptions(["--peers", "hearth,native"])?.peers, ["native", "hearth"]);
});

test("help is no run", () => {
  assert.equal(parseOptions(["--help"]), undefined);
  assert.match(usage(FORM), /npm run bench:engine[^]*of native, tcg, hearth[^]*\(96\)/);
});

test("what makes no sense is refused", () => {
  for (const args of [
    ["--runs", "0"],
    ["--runs", "two"],
    ["--scale", "1.5"],
    ["--sclae", "10"],
    ["extra"],
    ["--peers", "kvm"],
  ]) {
    assert.throws(() => parseOptions(args), { code: "bench.usage" }, args.join(" "));
  }
});
