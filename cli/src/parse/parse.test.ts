import assert from "node:assert/strict";
import { test } from "node:test";
import { separateCommand } from "./command-separator.ts";
import { parseCount } from "./counts.ts";
import { parseDisk } from "./disk-argument.ts";
import { parseDurationMs } from "./duration.ts";
import { environmentOf, parseEnvironmentPair } from "./environment.ts";
import { parseMemoryMib } from "./memory-size.ts";

test("sizes of memory", () => {
  const sizes: [string, number][] = [
    ["128M", 128],
    ["128", 128],
    ["1G", 1024],
    ["1.5g", 1536],
    ["262144K", 256],
    ["256MiB", 256],
    ["256MB", 256],
  ];
  for (const [text, mib] of sizes) assert.equal(parseMemoryMib(text), mib, text);
  for (const text of ["", "0", "0M", "12Q", "-5M", "1000K", "M", "1e3", "0x80"])
    assert.throws(() => parseMemoryMib(text), SyntaxError, text);
});

test("durations", () => {
  const durations: [string, number][] = [
    ["30s", 30_000],
    ["500ms", 500],
    ["2m", 120_000],
    ["1m30s", 90_000],
    ["1h", 3_600_000],
    ["1.5", 1500],
    ["0.0001s", 1],
  ];
  for (const [text, ms] of durations) assert.equal(parseDurationMs(text), ms, text);
  for (const text of ["", "0", "0s", "-1s", "5 parsecs", "s", "1d", "9999h"])
    assert.throws(() => parseDurationMs(text), SyntaxError, text);
});

test("disks", () => {
  assert.deepEqual(parseDisk("a.img"), { path: "a.img", mode: "copy-on-write" });
  assert.deepEqual(parseDisk("a.img:ro"), { path: "a.img", mode: "read-only" });
  assert.deepEqual(parseDisk("a:b.img:rw"), { path: "a:b.img", mode: "read-write" });
  assert.deepEqual(parseDisk("a.img:xx"), { path: "a.img:xx", mode: "copy-on-write" });
  assert.throws(() => parseDisk(":ro"), SyntaxError);
});

test("environment", () => {
  const own = { HOME: "/root" };
  const pairs = ["A=1", "B=x=y", "HOME", "GONE", "A=2", "C="].map((text) => parseEnvironmentPair(text, own));
  assert.deepEqual(environmentOf(pairs), { A: "2", B: "x=y", HOME: "/root", C: "" });
  assert.throws(() => parseEnvironmentPair("=x"), SyntaxError);
});

test("counts", () => {
  assert.equal(parseCount("4"), 4);
  for (const text of ["0", "-1", "two", "1.5", "99999", ""])
    assert.throws(() => parseCount(text), SyntaxError);
});

test("the guest's command starts at the first word that is no flag", () => {
  const withValue = new Set(["--memory", "--env"]);
  const cases: [string, string][] = [
    ["uname -a", "-- uname -a"],
    ["--memory 64M uname -a", "--memory 64M -- uname -a"],
    ["--memory=64M -i cat -", "--memory=64M -i -- cat -"],
    ["--env A=1 --env B=2 env", "--env A=1 --env B=2 -- env"],
    ["-i -- ls --help", "-i -- ls --help"],
    ["--help", "--help"],
    ["--memory", "--memory"],
  ];
  for (const [words, expected] of cases)
    assert.equal(separateCommand(words.split(" "), withValue).join(" "), expected);
});
