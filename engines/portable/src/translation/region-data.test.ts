import assert from "node:assert/strict";
import { test } from "node:test";
import { UOP_SIZE } from "../layout.ts";
import { digestAt, joinBytes, keyPart, packRegion, regionOffsets, unpackRegion } from "./region-data.ts";
import type { HotRegion } from "./translator.ts";

function region(uopCount: number, label: string): HotRegion {
  const image = {
    uops: Uint8Array.from({ length: uopCount * UOP_SIZE }, (_, i) => i),
    places: Int32Array.from({ length: uopCount }, (_, i) => 0x100 + i),
    pages: Int32Array.of(0, -1),
    nodes: Int32Array.of(0, uopCount, 0x110, -1, -1, 0),
  };
  return { image, code: Uint8Array.of(1, 2, 3), mode: 2, digest: 0xdead_beef, label };
}

test("regions come out of their bytes as they went in, wherever they lie", () => {
  const regions = [region(1, "a"), region(3, ""), region(2, "région")];
  const joined = joinBytes(regions.map(packRegion));
  const shared = new Uint8Array(new SharedArrayBuffer(joined.length));
  shared.set(joined);
  for (const bytes of [joined, shared]) {
    const offsets = regionOffsets(bytes);
    assert.deepEqual(
      offsets.map((offset) => unpackRegion(bytes, offset)),
      regions,
    );
    assert.equal(digestAt(bytes, offsets[1] as number), 0xdead_beef);
  }
});

test("bytes whose sizes make no sense hold the regions before them only", () => {
  const joined = joinBytes([packRegion(region(1, "a")), packRegion(region(1, "b"))]);
  const second = regionOffsets(joined)[1] as number;
  for (const size of [0, 4, 0xffff_fff0]) {
    new DataView(joined.buffer).setUint32(second, size, true);
    assert.deepEqual(regionOffsets(joined), [0]);
  }
});

test("the label is no part of what a translation is made from, all else is", () => {
  const key = (changed: Partial<HotRegion>) => [...keyPart(packRegion({ ...region(1, "one"), ...changed }))];
  assert.deepEqual(key({ label: "an0" }), key({}));
  assert.notDeepEqual(key({ mode: 1 }), key({}));
  assert.notDeepEqual(key({ code: Uint8Array.of(1, 2, 4) }), key({}));
});
