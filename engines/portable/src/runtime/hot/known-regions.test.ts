import assert from "node:assert/strict";
import { test } from "node:test";
import { KNOWN_BLOCKS_BASE, KNOWN_BLOCKS_BITS, UOP_SIZE } from "../../layout.ts";
import { joinBytes, packRegion } from "../../translation/region-data.ts";
import type { ModuleContents, TranslatedModule } from "../../translation/translator.ts";
import { KnownRegions } from "./known-regions.ts";

const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const TABLE_BYTES = 4 << KNOWN_BLOCKS_BITS;

function region(digest: number): Uint8Array {
  const image = {
    uops: new Uint8Array(UOP_SIZE),
    places: Int32Array.of(0),
    pages: Int32Array.of(0),
    nodes: Int32Array.of(0, 1, 1, -1, -1, 0),
  };
  return packRegion({ image, code: Uint8Array.of(1), mode: 2, digest, label: "" });
}

function module(id: number, digests: readonly number[], sizeBytes = 100): TranslatedModule {
  const contents: ModuleContents = {
    module: new WebAssembly.Module(EMPTY_MODULE),
    sizeBytes,
    regions: joinBytes(digests.map(region)),
  };
  return { id, digests: Uint32Array.from(digests), contents };
}

/** Known regions of a memory that ends with the core's table, and the modules that were given up. */
function known() {
  const view = new DataView(new ArrayBuffer(KNOWN_BLOCKS_BASE + TABLE_BYTES));
  const dropped: number[] = [];
  const digestsOfCore = () =>
    [...new Uint32Array(view.buffer, KNOWN_BLOCKS_BASE)].filter((word) => word !== 0);
  return { regions: new KnownRegions(view, (gone) => dropped.push(gone)), dropped, digestsOfCore };
}

test("regions are found by the digest of their entry, the latest first", () => {
  const { regions, digestsOfCore } = known();
  regions.add(module(1, [7, 8]));
  regions.add(module(2, [8]));
  const found = regions.candidates(8).map(({ translated, index }) => [translated.id, index]);
  assert.deepEqual(found, [
    [2, 0],
    [1, 1],
  ]);
  assert.deepEqual(regions.candidates(9), []);
  assert.deepEqual(digestsOfCore(), [7, 8]);
});

test("a module that is told of twice is the first one", () => {
  const { regions } = known();
  const first = module(1, [7]);
  assert.equal(regions.add(first), first);
  assert.equal(regions.add(module(1, [7])), first);
  assert.deepEqual(
    regions.candidates(7).map(({ translated }) => translated),
    [first],
  );
});

test("a module that was kept is found, and when it has come it is the one that came", () => {
  const { regions } = known();
  const read = module(1, [7, 8]);
  regions.add({ ...read, contents: "kept" });
  assert.equal(regions.candidates(8)[0]?.translated.contents, "kept");
  regions.add(read);
  assert.deepEqual(
    regions.candidates(8).map(({ translated, index }) => [translated, index]),
    [[read, 1]],
  );
});

test("a module that is lost is not found any more", () => {
  const { regions, dropped } = known();
  const lost = module(1, [7]);
  regions.add({ ...lost, contents: "kept" });
  regions.add({ id: 1, digests: new Uint32Array(0), contents: "lost" });
  assert.deepEqual(regions.candidates(7), []);
  assert.deepEqual(dropped, []);
});

test("beyond the size the module goes that has not been used for longest", () => {
  const { regions, dropped } = known();
  const half = 40 * 1024 * 1024 - 1000;
  const first = module(1, [1], half);
  regions.add(first);
  regions.add(module(2, [2], half));
  regions.noteUse(first);
  regions.add(module(3, [3], half));
  assert.deepEqual(dropped, [2]);
  assert.deepEqual(
    [1, 2, 3].map((digest) => regions.candidates(digest).length),
    [1, 0, 1],
  );
});

test("what is kept takes no room until it has come", () => {
  const { regions, dropped } = known();
  const half = 40 * 1024 * 1024 - 1000;
  const modules = [1, 2, 3].map((id) => module(id, [id], half));
  for (const one of modules) regions.add({ ...one, contents: "kept" });
  assert.deepEqual(dropped, []);
  for (const one of modules.slice(1)) regions.add(one);
  assert.deepEqual(dropped, []);
  regions.add(modules[0] as TranslatedModule);
  assert.equal(dropped.length, 1);
});
