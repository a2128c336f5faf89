// The command line itself: what is answered before any machine is made.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hearth } from "./hearth-command.ts";

test("mistakes get a suggestion or a reason, on one line, and exit code 2", async () => {
  const cases: [string[], RegExp][] = [
    [["rnu", "ls"], /^hearth: there is no command "rnu", did you mean `?run`?/],
    [["run", "--memroy", "64M", "ls"], /did you mean --memory\?/],
    [["boot", "--kernle", "x"], /did you mean --kernel\?/],
    [["run", "--memory", "5x", "ls"], /"5x" is no size of memory/],
    [["run", "--timeout", "soon", "ls"], /"soon" is no duration/],
    [["run"], /^hearth: expected at least 1 argument/],
    [["doctor", "extra"], /^hearth: /],
  ];
  const outcomes = await Promise.all(cases.map(([args]) => hearth(args)));
  for (const [i, { code, stdout, stderr }] of outcomes.entries()) {
    const [args, expected] = cases[i] as [string[], RegExp];
    assert.match(stderr, expected, args.join(" "));
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
    assert.equal(code, 2, args.join(" "));
    assert.equal(stdout, "");
  }
});

test("impossible machines are refused in one line with a stable code", async () => {
  const cases: [string[], string][] = [
    [["run", "--memory", "8M", "ls"], "memory.too-small"],
    [["run", "--memory", "64G", "ls"], "memory.too-large"],
    [["run", "--vcpus", "33", "ls"], "vcpus.invalid"],
    [["run", "--engine", "kvm", "ls"], "engine.not-built"],
    [["boot", "--engine", "qemu"], "engine.unknown"],
  ];
  const outcomes = await Promise.all(cases.map(([args]) => hearth(args)));
  for (const [i, { code, stdout, stderr }] of outcomes.entries()) {
    const expected = cases[i]?.[1] as string;
    assert.match(stderr, new RegExp(`^hearth: .*\\(${expected}\\)\\n$`));
    assert.equal(code, 1);
    assert.equal(stdout, "");
  }
});

test("help teaches, version is short, doctor has JSON", async () => {
  const [help, runHelp, version, doctor, json] = await Promise.all([
    hearth([]),
    hearth(["run", "--help"]),
    hearth(["--version"]),
    hearth(["doctor"]),
    hearth(["doctor", "--json"]),
  ]);
  assert.match(help.stdout, /hearth run uname -a/);
  assert.match(runHelp.stdout, /Examples:[\s\S]*Exit codes:/);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  assert.match(doctor.stdout, /^Engine\s+portable/m);
  assert.equal((JSON.parse(json.stdout) as { engine: { name: string } }).engine.name, "portable");
  for (const { code } of [help, runHelp, version, doctor, json]) assert.equal(code, 0);
});

test("with --json an error is an object", async () => {
  const { code, stdout, stderr } = await hearth(["run", "--json", "--memory", "8M", "ls"]);
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
  assert.equal(error.code, "memory.too-small");
  assert.doesNotMatch(error.message, /memory\.too-small/);
  assert.equal(code, 1);
  assert.equal(stderr, "");
});
