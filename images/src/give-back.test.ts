import assert from "node:assert/strict";
import { test } from "node:test";
import { giveBack } from "./give-back.ts";

test("a large buffer is gone afterwards, a small one and a shared one stay", () => {
  const large = new Uint8Array(2 * 1024 * 1024);
  const small = new Uint8Array(100);
  const shared = new Uint8Array(new SharedArrayBuffer(2 * 1024 * 1024));
  for (const bytes of [large, small, shared, undefined]) giveBack(bytes);
  assert.deepEqual([large.length, small.length, shared.length], [0, 100, 2 * 1024 * 1024]);
});
