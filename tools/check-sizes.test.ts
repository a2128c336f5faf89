/*
 * The size check on planted trees: the limits at their edges, the exemption and the percentiles.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSizes, describeSizes } from "./check-sizes.ts";
import { withTree } from "./planted-tree.ts";

function fileOf(lines: number, header = "// A file."): string {
  return `${header}\n${"export {};\n".repeat(lines - 1)}`;
}

test("a file over 600 lines is an error, one of 600 is not", () => {
  const report = withTree({ "host/a.ts": fileOf(601), "host/b.ts": fileOf(600) }, checkSizes);
  assert.deepEqual(report.errors, [{ path: "host/a.ts", lines: 601, isExempt: false }]);
  assert.deepEqual(report.warnings, [{ path: "host/b.ts", lines: 600, isExempt: false }]);
});

test("a test file has the same limit", () => {
  const report = withTree({ "host/a.test.ts": fileOf(601) }, checkSizes);
  assert.equal(report.errors.length, 1);
  assert.equal(report.files, 0);
});

test("a warning starts above 400 lines", () => {
  const report = withTree({ "host/a.ts": fileOf(401), "host/b.ts": fileOf(400) }, checkSizes);
  assert.deepEqual(report.warnings, [{ path: "host/a.ts", lines: 401, isExempt: false }]);
});

test("only the opening comment exempts a table or a generated file", () => {
  const files = {
    "a.ts": fileOf(700, "// Instruction table. size: table"),
    "b.ts": fileOf(700, "export {};\n// size: generated"),
  };
  const report = withTree(files, checkSizes);
  assert.deepEqual(
    report.errors.map((file) => file.path),
    ["b.ts"],
  );
  assert.deepEqual(report.exempt, [{ path: "a.ts", lines: 700, isExempt: true }]);
});

test("reports median and 90th percentile, build and module folders left out", () => {
  const files: Record<string, string> = { "build/x.ts": fileOf(900), "node_modules/y.ts": fileOf(900) };
  for (let i = 1; i <= 10; i++) files[`f${i}.ts`] = fileOf(i * 10);
  const report = withTree(files, checkSizes);
  assert.equal(describeSizes(report).at(-1), "sizes: 10 source files, median 50, p90 90 lines");
});
