/*
 * A node:test reporter that writes one JSON line for each finished test; test-process.ts reads them.
 * Suites are left out: only what can pass or fail by itself counts.
 */
import type { TestEvent } from "node:test/reporters";

/** One finished test. `skip` is the reason, empty when none was given; a test marked as to-do is skipped too. */
export type TestResult = {
  readonly name: string;
  readonly line: number;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly skip: string;
  /** Stack or message of a failure. */
  readonly error: string;
};

/** The last line of a complete run: its absence shows that a test ended the process. */
export const END_OF_RUN = "end";

// oxlint-disable-next-line import/no-default-export -- node:test takes the default export of a reporter.
export default async function* reportAsJsonLines(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    if (event.data.details.type === "suite") continue;
    yield `${JSON.stringify(describe(event))}\n`;
  }
  yield `${END_OF_RUN}\n`;
}

function describe(event: Extract<TestEvent, { type: "test:pass" | "test:fail" }>): TestResult {
  const { name, line = 1, skip, todo } = event.data;
  const isSkipped = skip !== undefined || todo !== undefined;
  const reason = [skip, todo].find((mark) => typeof mark === "string") ?? "";
  if (isSkipped) return { name, line, outcome: "skipped", skip: String(reason), error: "" };
  if (event.type === "test:pass") return { name, line, outcome: "passed", skip: "", error: "" };
  return { name, line, outcome: "failed", skip: "", error: describeError(event.data.details.error) };
}

/** node:test wraps what a test threw; the cause says more than the wrapper. */
function describeError(error: Error): string {
  const cause: unknown = error.cause ?? error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
