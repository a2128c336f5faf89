// The two error classes keep what a caller needs to know.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionError, HearthError, assert as assertHearth } from "./errors.ts";

test("HearthError carries code, details and cause", () => {
  const cause = new Error("disk full");
  const error = new HearthError("kernel.truncated", "The kernel is truncated.", {
    cause,
    details: { sizeBytes: 3 },
  });
  assert.ok(error instanceof Error);
  assert.deepEqual(
    [error.name, error.code, error.cause, error.details],
    ["HearthError", "kernel.truncated", cause, { sizeBytes: 3 }],
  );
  assert.equal("cause" in new HearthError("a.b", "c"), false);
});

test("assert throws only when the condition fails", () => {
  assertHearth(true, "fine");
  assert.throws(
    () => assertHearth(0, "broken promise"),
    (error) => error instanceof AssertionError && error.message === "broken promise",
  );
});
