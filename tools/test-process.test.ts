/*
 * The test runner against files that misbehave: each must be counted, and none may hang or hide a failure.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { countTests } from "./run-test-files.ts";
import { withTreeAsync } from "./planted-tree.ts";
import { runTestFile } from "./test-process.ts";
import type { TestFileResult } from "./test-process.ts";

const HEADER = 'import { describe, test, before } from "node:test";\n';

function runPlanted(body: string, timeoutMs = 30_000): Promise<TestFileResult> {
  return withTreeAsync({ "a.test.mjs": HEADER + body }, (root) => runTestFile(root, "a.test.mjs", timeoutMs));
}

/** Body of the file, [passed, failed, skipped], and the problem of the file as a whole. */
const CASES: readonly (readonly [string, string, readonly [number, number, number], RegExp | null])[] = [
  ["passing tests", 'test("a", () => {}); describe("s", () => { test("b", () => {}); });', [2, 0, 0], null],
  ["a failing test", 'test("a", () => {}); test("b", () => { throw new Error("x"); });', [1, 1, 0], null],
  ["a failing subtest", 'test("a", (t) => t.test("b", () => { throw new Error("x"); }));', [0, 2, 0], null],
  [
    "skipped and to-do",
    'test("a", { skip: "w" }, () => {}); test("b", { todo: true }, () => {});',
    [0, 0, 2],
    null,
  ],
  ["a failing hook", 'before(() => { throw new Error("x"); }); test("a", () => {});', [0, 1, 0], null],
  ["an error while loading", 'throw new Error("x");', [0, 1, 0], /exit code 1/],
  [
    "a call of exit",
    'test("a", () => {}); test("b", () => process.exit(0));',
    [0, 1, 0],
    /ended before its last test/,
  ],
  ["a crash", 'test("a", () => process.kill(process.pid, "SIGKILL"));', [0, 1, 0], /SIGKILL/],
  ["no tests", "export {};", [0, 1, 0], /or has none/],
];

for (const [name, body, [passed, failed, skipped], problem] of CASES) {
  test(`counts ${name}`, async () => {
    const result = await runPlanted(body);
    assert.deepEqual(countTests(result), { passed, failed, skipped }, JSON.stringify(result));
    if (problem === null) assert.equal(result.problem, null);
    else assert.match(result.problem ?? "", problem);
  });
}

test("ends a file that loops for ever", async () => {
  const result = await runPlanted('test("a", () => { for (;;); });', 1_500);
  assert.deepEqual(countTests(result), { passed: 0, failed: 1, skipped: 0 });
  assert.match(result.problem ?? "", /did not end/);
});

test("a timer left behind fails the file", async () => {
  const result = await runPlanted('test("a", () => { setInterval(() => {}, 1000); });', 1_500);
  assert.match(result.problem ?? "", /did not end/);
});

test("keeps the reason of a skip, the place and stack of a failure, and the output", async () => {
  const result = await runPlanted(
    'console.log("hello"); test("a", { skip: "why" }, () => {});\ntest("b", () => { throw new Error("boom"); });',
  );
  assert.equal(result.tests[0]?.skip, "why");
  assert.equal(result.tests[1]?.line, 3);
  assert.match(result.tests[1]?.error ?? "", /boom[^]*a\.test\.mjs/);
  assert.equal(result.output, "hello\n");
});
