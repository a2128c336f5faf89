// The random source fills all it is given, in shared memory too, and differently every time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fillRandom } from "./random.ts";

test("fills shared memory, never twice the same", () => {
  const one = new Uint8Array(new SharedArrayBuffer(64));
  const other = new Uint8Array(64);
  fillRandom(one);
  fillRandom(other);
  assert.ok(one.subarray(32).some((byte) => byte !== 0));
  assert.notDeepEqual(Uint8Array.from(one), other);
});
