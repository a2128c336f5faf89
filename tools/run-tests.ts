/*
 * `npm test`: builds, runs the checks, then all unit tests, then the tests that boot guests one after the other.
 * `npm test -- machine/src/acpi cli` runs only the test files below the given paths, without the checks.
 * The last line is the sum over everything; the exit code is 0 only when nothing failed.
 */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { listSources } from "./repo-files.ts";
import { runChecks } from "./run-checks.ts";
import { runTestFiles } from "./run-test-files.ts";
import { killTestFiles } from "./test-process.ts";
import { addCounts, formatCounts, NO_TESTS } from "./test-counts.ts";
import type { TestCounts } from "./test-counts.ts";

const UNIT_TIMEOUT_MS = 120_000;
const GUEST_TIMEOUT_MS = 600_000;

const root = fileURLToPath(new URL("..", import.meta.url));

async function main(paths: readonly string[]): Promise<TestCounts> {
  if (!build()) return { ...NO_TESTS, failed: 1 };
  const isWanted = (file: string): boolean =>
    paths.length === 0 || paths.some((path) => file.startsWith(path));
  const files = listSources(root).filter((file) => file.endsWith(".test.ts") && isWanted(file));
  const isGuest = (file: string): boolean => file.endsWith(".guest.test.ts");

  let counts = paths.length === 0 ? runChecks(root) : NO_TESTS;
  const units = files.filter((file) => !isGuest(file));
  const unitOptions = { concurrency: availableParallelism(), timeoutMs: UNIT_TIMEOUT_MS };
  counts = addCounts(counts, await runTestFiles(root, units, unitOptions));
  const guestOptions = { concurrency: 1, timeoutMs: GUEST_TIMEOUT_MS };
  return addCounts(counts, await runTestFiles(root, files.filter(isGuest), guestOptions));
}

function build(): boolean {
  const { status } = spawnSync(process.execPath, ["tools/build.ts"], { cwd: root, stdio: "inherit" });
  if (status !== 0) console.log("FAIL build");
  return status === 0;
}

// Test files run in process groups of their own, which a Ctrl-C does not reach.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    killTestFiles();
    process.exit(130);
  });
}

const counts = await main(process.argv.slice(2));
console.log(formatCounts(counts));
process.exitCode = counts.failed > 0 ? 1 : 0;
