/*
 * The checks that count as tests: each is one command, passed when it exits with 0. A failed check shows its
 * output; of the size check the summary line is always shown.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { addCounts, NO_TESTS } from "./test-counts.ts";
import type { TestCounts } from "./test-counts.ts";

type Check = { readonly name: string; readonly command: readonly string[]; readonly showsOutput?: boolean };

const NODE = process.execPath;
const bin = (name: string): string => join("node_modules", ".bin", name);

const CHECKS: readonly Check[] = [
  { name: "typecheck", command: [bin("tsc"), "-b"] },
  { name: "format", command: [bin("biome"), "format"] },
  { name: "lint", command: [bin("oxlint"), "--deny-warnings"] },
  { name: "imports", command: [NODE, "tools/check-imports.ts"] },
  { name: "sizes", command: [NODE, "tools/check-sizes.ts"], showsOutput: true },
];

/** Runs all checks one after the other in the repository at `root`. */
export function runChecks(root: string): TestCounts {
  return CHECKS.map((check) => runCheck(root, check)).reduce(addCounts, NO_TESTS);
}

function runCheck(root: string, { name, command, showsOutput = false }: Check): TestCounts {
  const startMs = performance.now();
  const [file = "", ...args] = command;
  const result = spawnSync(file, args, { cwd: root, encoding: "utf8" });
  const isOk = result.status === 0;
  console.log(`${isOk ? "ok  " : "FAIL"} check ${name} (${Math.round(performance.now() - startMs)} ms)`);
  if (!isOk || showsOutput) {
    const output = `${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`;
    for (const line of output.trimEnd().split("\n")) console.log(`     ${line}`);
  }
  return { ...NO_TESTS, ...(isOk ? { passed: 1 } : { failed: 1 }) };
}
