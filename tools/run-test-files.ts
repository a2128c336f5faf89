/*
 * Runs many test files, some at a time, and prints one line for each file as it ends, followed by what failed
 * in it and by the reason of each skipped test.
 */
import { runTestFile } from "./test-process.ts";
import type { TestFileResult } from "./test-process.ts";
import { addCounts, NO_TESTS } from "./test-counts.ts";
import type { TestCounts } from "./test-counts.ts";

/** `timeoutMs` is for one file. */
export type TestFileOptions = { readonly concurrency: number; readonly timeoutMs: number };

/** Runs `files` (relative to `root`) in their order and returns the sum over all tests in them. */
export async function runTestFiles(
  root: string,
  files: readonly string[],
  { concurrency, timeoutMs }: TestFileOptions,
): Promise<TestCounts> {
  const queue = files.values();
  let counts = NO_TESTS;
  const work = async (): Promise<void> => {
    for (const file of queue) {
      const result = await runTestFile(root, file, timeoutMs);
      counts = addCounts(counts, countTests(result));
      for (const line of describeResult(result)) console.log(line);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return counts;
}

/** A file that failed as a whole counts as one failed test. */
export function countTests({ tests, problem }: TestFileResult): TestCounts {
  const count = (outcome: string): number => tests.filter((test) => test.outcome === outcome).length;
  return {
    passed: count("passed"),
    failed: count("failed") + (problem === null ? 0 : 1),
    skipped: count("skipped"),
  };
}

function describeResult(result: TestFileResult): string[] {
  const { passed, failed, skipped } = countTests(result);
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  const lines = [
    `${failed > 0 ? "FAIL" : "ok  "} ${result.file}: ${parts.join(", ")} (${result.durationMs} ms)`,
  ];
  for (const { name, line, outcome, skip, error } of result.tests) {
    if (outcome === "skipped") lines.push(`     skipped: ${name}: ${skip || "no reason given"}`);
    if (outcome === "failed") lines.push(`     failed: ${result.file}:${line} ${name}`, ...indent(error));
  }
  if (result.problem !== null) lines.push(`     ${result.file} ${result.problem}`);
  return failed > 0 && result.output !== "" ? [...lines, "     output:", ...indent(result.output)] : lines;
}

function indent(text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `       ${line}`);
}
