import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { decodePack, encodePack } from "./pack.ts";

const digest = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const compiler = digest(Uint8Array.of(1));
const modules = [
  { wasm: Uint8Array.of(1, 2, 3), regions: Uint8Array.of(4, 5, 6, 7) },
  { wasm: Uint8Array.of(8), regions: new Uint8Array(0) },
];

test("what went in comes out", () => {
  assert.deepEqual(decodePack(encodePack(modules, compiler, digest), compiler, digest), modules);
});

test("a file that was cut anywhere is nothing", () => {
  const whole = encodePack(modules, compiler, digest);
  for (let length = 0; length < whole.length; length++)
    assert.equal(decodePack(whole.slice(0, length), compiler, digest), undefined, `${length} bytes`);
});

test("a file with any bit changed is nothing", () => {
  const whole = encodePack(modules, compiler, digest);
  for (let at = 0; at < whole.length; at++) {
    const changed = whole.slice();
    changed[at] = (changed[at] as number) ^ 0x10;
    assert.equal(decodePack(changed, compiler, digest), undefined, `byte ${at}`);
  }
});

test("another compiler's file is nothing", () => {
  const other = digest(Uint8Array.of(2));
  assert.equal(decodePack(encodePack(modules, other, digest), compiler, digest), undefined);
});
