/*
 * Runs one test file in a process of its own and decides what came of it, whatever the file does: throw while
 * loading, call exit, crash, loop for ever, or leave a timer or a child behind.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { END_OF_RUN } from "./test-reporter.ts";
import type { TestResult } from "./test-reporter.ts";

export type TestFileResult = {
  readonly file: string;
  readonly tests: readonly TestResult[];
  /** Why the file as a whole failed, or null. */
  readonly problem: string | null;
  /** What the file printed, cut to its end. */
  readonly output: string;
  readonly durationMs: number;
};

const REPORTER = new URL("test-reporter.ts", import.meta.url).href;
const OUTPUT_LIMIT = 8_000;

/** Process groups of running test files, so that an interrupted run leaves nothing behind. */
const running = new Set<ChildProcess>();

/** Runs `file` (relative to `root`); ends it and everything it started after `timeoutMs`. Never rejects. */
export async function runTestFile(root: string, file: string, timeoutMs: number): Promise<TestFileResult> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-test-"));
  try {
    const events = join(folder, "events");
    const startMs = performance.now();
    const { problem, output } = await runProcess(root, file, events, timeoutMs);
    const lines = existsSync(events) ? readFileSync(events, "utf8").split("\n").slice(0, -1) : [];
    const tests = lines.filter((line) => line !== END_OF_RUN).map((line) => JSON.parse(line) as TestResult);
    const isComplete = lines.at(-1) === END_OF_RUN;
    const durationMs = Math.round(performance.now() - startMs);
    return { file, tests, problem: judge(problem, tests, isComplete), output, durationMs };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ends all running test files at once. */
export function killTestFiles(): void {
  for (const child of running) killGroup(child);
}

function runProcess(
  root: string,
  file: string,
  events: string,
  timeoutMs: number,
): Promise<{ problem: string | null; output: string }> {
  const reporter = [`--test-reporter=${REPORTER}`, `--test-reporter-destination=${events}`];
  const env = { ...process.env };
  delete env["NODE_TEST_CONTEXT"];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...reporter, file], {
      cwd: root,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    let output = "";
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-OUTPUT_LIMIT);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    let hasTimedOut = false;
    const timer = setTimeout(() => {
      hasTimedOut = true;
      killGroup(child);
    }, timeoutMs);
    const end = (problem: string | null): void => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ problem: hasTimedOut ? `did not end within ${timeoutMs} ms` : problem, output });
    };
    child.on("error", (error) => end(error.message));
    // What a test started and left running holds the pipes open: end it before waiting for them.
    child.on("exit", () => killGroup(child));
    child.on("close", (code, signal) =>
      end(code === 0 ? null : `ended with ${signal ?? `exit code ${code}`}`),
    );
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The group is gone already.
  }
}

/** An exit code that failed tests explain is not a problem of its own; a file without tests is one. */
function judge(problem: string | null, tests: readonly TestResult[], isComplete: boolean): string | null {
  const hasFailed = tests.some((test) => test.outcome === "failed");
  if (problem !== null) return hasFailed && problem === "ended with exit code 1" ? null : problem;
  if (!isComplete) return "ended before its last test, or has none";
  return tests.length === 0 ? "has no tests" : null;
}
