// The fixture is `xz --check=crc32 --x86 --lzma2=dict=1MiB` of a text followed by 80 CALL instructions to one address.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeXz, isXz, XzError } from "./xz-stream.ts";

const FIXTURE = Buffer.from(
  "/Td6WFoAAAFpIt42AgEEACEBEACLIW9J4AlfALNdADoaCM52x+Xp1gc0w9EOv85V4aq94OSPmAHdjeUHVJ5lJV8nOmp+tNNI/lD+YR/SFTgXZx9Y9Wr0cismXBcXbe5tNC+R1xqCmq+AbSSYCssjirfVRPya8tht5vx/HKihRuNgq35gEaBDOMsJt5gPhGB9qZmFVB76GmzbBc401N0YSpE2aFPnRBXKIINLbEG10UHX6sPyTL0cBWRee3Mt5t6qzFkOpqfuLUlNgGbP7UKrTBAaAAA39UEdAAHLAeASAAA8JcdMPjANiwIAAAAAAVla",
  "base64",
);

/** What the fixture was made from. */
function original(): Buffer {
  const text = Buffer.from("the quick brown fox jumps over the lazy dog\n".repeat(40));
  const calls = Buffer.alloc(80 * 8);
  for (let i = 0; i < 80; i++) {
    calls[i * 8] = i % 3 === 0 ? 0xe9 : 0xe8;
    calls.writeInt32LE(70_000 - (text.length + i * 8 + 5), i * 8 + 1);
    calls[i * 8 + 5] = (i * 37) & 0xff;
  }
  return Buffer.concat([text, calls]);
}

test("a stream with the x86 filter gives the original bytes", () => {
  const expected = original();
  assert.ok(isXz(FIXTURE));
  assert.deepEqual(Buffer.from(decodeXz(FIXTURE, expected.length)), expected);
  assert.deepEqual(Buffer.from(decodeXz(Buffer.concat([FIXTURE, Buffer.alloc(9)]), 10_000)), expected);
});

test("every truncation is refused, never a hang or another error", () => {
  for (let size = 0; size < FIXTURE.length - 40; size++)
    assert.throws(() => decodeXz(FIXTURE.subarray(0, size), 10_000), XzError, `cut at ${size}`);
});

test("a flipped bit anywhere before the index is noticed", () => {
  for (let at = 0; at < FIXTURE.length - 40; at++) {
    const damaged = Buffer.from(FIXTURE);
    damaged[at] = (damaged[at] as number) ^ 0x10;
    assert.throws(() => decodeXz(damaged, 10_000), XzError, `flip at ${at}`);
  }
});

test("more output than the caller allows is refused", () => {
  assert.throws(() => decodeXz(FIXTURE, 100), XzError);
});
