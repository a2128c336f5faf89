// The fixture is what `lz4 -l` makes of the text below.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeLz4, isLz4, Lz4Error } from "./lz4.ts";

const FIXTURE = Buffer.from(
  "AiFMGEQAAAAfYQEA//+q8BB0aGUgcXVpY2sgYnJvd24gZm94IGp1bXBzIG92ZXIgHwCQbGF6eSBkb2cKDQAPLAD/////51BnCmVuZA==",
  "base64",
);
const ORIGINAL = Buffer.from(
  `${"a".repeat(700)}${"the quick brown fox jumps over the lazy dog\n".repeat(30)}end`,
);

test("matches, overlapping matches and literals", () => {
  assert.ok(isLz4(FIXTURE));
  assert.deepEqual(Buffer.from(decodeLz4(FIXTURE, 100_000)), ORIGINAL);
  assert.deepEqual(Buffer.from(decodeLz4(FIXTURE, ORIGINAL.length)), ORIGINAL);
});

test("truncated or damaged data is refused or decoded to something, never read beyond its end", () => {
  const decodeOrRefuse = (bytes: Uint8Array): void => {
    try {
      assert.ok(decodeLz4(bytes, 100_000).length <= 100_000);
    } catch (error) {
      assert.ok(error instanceof Lz4Error, String(error));
    }
  };
  for (let size = 8; size < FIXTURE.length; size++)
    assert.throws(() => decodeLz4(FIXTURE.subarray(0, size), 100_000), Lz4Error, `cut at ${size}`);
  for (let at = 4; at < FIXTURE.length; at++)
    for (const flip of [1, 0x10, 0xff]) {
      const damaged = Buffer.from(FIXTURE);
      damaged[at] = (damaged[at] as number) ^ flip;
      decodeOrRefuse(damaged);
    }
});

test("more output than the caller allows is refused", () => {
  assert.throws(() => decodeLz4(FIXTURE, ORIGINAL.length - 1), Lz4Error);
});
