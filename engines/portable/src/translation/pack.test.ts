import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { KeptModule } from "./kept-module.ts";
import { decodeIndex, decodeModule, encodePack, HEADER_BYTES, indexBytesOf } from "./pack.ts";
import { UOP_SIZE } from "../layout.ts";
import { packRegion } from "./region-data.ts";

const digest = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const compiler = digest(Uint8Array.of(1));
const image = {
  uops: new Uint8Array(UOP_SIZE),
  places: Int32Array.of(0),
  pages: Int32Array.of(0),
  nodes: Int32Array.of(0, 1, 1, -1, -1, 0),
};
const modules: readonly KeptModule[] = [
  {
    wasm: Uint8Array.of(1, 2, 3),
    machineCode: Uint8Array.of(9, 9, 9, 9, 9),
    regions: packRegion({ image, code: Uint8Array.of(1), mode: 2, digest: 77, label: "" }),
  },
  { wasm: Uint8Array.of(8), machineCode: new Uint8Array(0), regions: new Uint8Array(0) },
];

/** The modules of a whole file; undefined when its index is of no use, and in place of a damaged module. */
function decodePack(file: Uint8Array, ofCompiler = compiler) {
  const header = file.slice(0, HEADER_BYTES);
  const indexBytes = indexBytesOf(header, ofCompiler);
  if (indexBytes === undefined) return undefined;
  const index = file.slice(HEADER_BYTES, HEADER_BYTES + indexBytes);
  const entries = decodeIndex(header, index, file.length, digest);
  return entries?.map((entry) =>
    decodeModule(entry, file.slice(entry.offset, entry.offset + entry.sizeBytes), digest),
  );
}

test("what went in comes out", () => {
  assert.deepEqual(decodePack(encodePack(modules, compiler, digest)), modules);
});

test("a file that was cut anywhere is nothing", () => {
  const whole = encodePack(modules, compiler, digest);
  for (let length = 0; length < whole.length; length++)
    assert.equal(decodePack(whole.slice(0, length)), undefined, `${length} bytes`);
});

test("a module with any bit changed is nothing, and all of them when it was the index", () => {
  const whole = encodePack(modules, compiler, digest);
  for (let at = 0; at < whole.length; at++) {
    const changed = whole.slice();
    changed[at] = (changed[at] as number) ^ 0x10;
    const lost = decodePack(changed)?.filter((module) => module === undefined).length ?? modules.length;
    assert.ok(lost >= 1, `byte ${at}`);
  }
});

test("another compiler's file is nothing", () => {
  const other = digest(Uint8Array.of(2));
  assert.equal(decodePack(encodePack(modules, other, digest)), undefined);
});

test("the index names the blocks that regions are entered through", () => {
  const file = encodePack(modules, compiler, digest);
  const header = file.slice(0, HEADER_BYTES);
  const index = file.slice(HEADER_BYTES, HEADER_BYTES + (indexBytesOf(header, compiler) as number));
  const entries = decodeIndex(header, index, file.length, digest);
  assert.deepEqual(
    entries?.map(({ digests }) => [...digests]),
    [[77], []],
  );
});
