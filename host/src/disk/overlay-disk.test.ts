// The copy-on-write disk against a plain array, with many operations under way at once, and its bitmap.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Prng } from "@hearth/testkit/prng";
import { GranuleMap } from "./granule-map.ts";
import { GRANULE_BYTES, type OverlayDisk } from "./overlay-disk.ts";
import { openDisk } from "./open-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "hearth-overlay-test-"));
after(() => rmSync(folder, { recursive: true }));

const SECTORS = 100;
/** The last granule is not whole. */
const SIZE_BYTES = SECTORS * 512;

async function openBase(bytes: Uint8Array): Promise<OverlayDisk> {
  const path = join(folder, "base.img");
  writeFileSync(path, bytes);
  return (await openDisk(path, { mode: "copy-on-write" })) as OverlayDisk;
}

function readAll(disk: OverlayDisk): Promise<Uint8Array> {
  const target = new Uint8Array(disk.sizeBytes);
  return new Promise((resolve, reject) =>
    disk.read(0, target, (error) => (error ? reject(error) : resolve(target))),
  );
}

describe("data", () => {
  test("random writes in any number at once end as the same writes on an array", async () => {
    const prng = new Prng(7);
    for (let round = 0; round < 20; round++) {
      const model = prng.fill(new Uint8Array(SIZE_BYTES));
      const disk = await openBase(model);
      for (let batch = 0; batch < 3; batch++) {
        await writeBatch(disk, model, prng);
        // After every batch: later writes would cover up what an earlier one lost.
        assert.equal(firstDifference(await readAll(disk), model), -1);
      }
      await disk.close();
    }
  });

  test("a write of part of a granule keeps the rest of it from the base", async () => {
    const base = new Uint8Array(SIZE_BYTES).fill(1);
    const disk = await openBase(base);
    const middle = 3 * 512;
    await new Promise<void>((resolve) => disk.write(middle, new Uint8Array(512).fill(2), () => resolve()));
    base.fill(2, middle, middle + 512);
    assert.deepEqual(await readAll(disk), base);
    assert.equal(disk.overlayBytes, GRANULE_BYTES);
    await disk.close();
  });

  test("an error of the base ends the write once, with the error, and the disk goes on", async () => {
    const disk = await openBase(new Uint8Array(SIZE_BYTES));
    writeFileSync(join(folder, "base.img"), new Uint8Array(512));
    const errors: (Error | undefined)[] = [];
    await new Promise<void>((resolve) => {
      disk.write(GRANULE_BYTES + 512, new Uint8Array(512), (error) => errors.push(error));
      disk.write(GRANULE_BYTES, new Uint8Array(GRANULE_BYTES), (error) => {
        errors.push(error);
        resolve();
      });
    });
    assert.deepEqual(
      errors.map((error) => (error as { code?: string } | undefined)?.code),
      ["disk.truncated", undefined],
    );
    await disk.close();
  });
});

/** Position of the first byte that differs; a printed difference of two disks helps nobody. */
function firstDifference(one: Uint8Array, other: Uint8Array): number {
  return one.findIndex((byte, i) => byte !== other[i]);
}

/** Up to eight writes that do not overlap, started without waiting for each other. */
async function writeBatch(disk: OverlayDisk, model: Uint8Array, prng: Prng): Promise<void> {
  const writes: Promise<void>[] = [];
  for (let sector = prng.below(8); sector < SECTORS; ) {
    const count = Math.min(1 + prng.below(20), SECTORS - sector);
    const bytes = prng.fill(new Uint8Array(count * 512));
    model.set(bytes, sector * 512);
    const position = sector * 512;
    writes.push(
      new Promise((resolve, reject) =>
        disk.write(position, bytes, (error) => (error ? reject(error) : resolve())),
      ),
    );
    sector += count + prng.below(3);
  }
  await Promise.all(writes);
}

test("the bitmap agrees with a set", () => {
  const prng = new Prng(3);
  const map = new GranuleMap(200);
  const model = new Set<number>();
  for (let i = 0; i < 40; i++) {
    const first = prng.below(200);
    const last = Math.min(199, first + prng.below(6));
    assert.equal(
      map.hasAll(first, last),
      range(first, last).every((granule) => model.has(granule)),
    );
    map.addAll(first, last);
    for (const granule of range(first, last)) model.add(granule);
    assert.equal(map.count, model.size);
  }
  for (let granule = 0; granule < 200; granule++) {
    assert.equal(map.has(granule), model.has(granule));
    const end = map.endOfRun(granule, 199);
    assert.ok(range(granule, end - 1).every((other) => model.has(other) === model.has(granule)));
    assert.ok(end === 200 || model.has(end) !== model.has(granule));
    assert.equal(map.endOfRun(granule, granule), granule + 1);
  }
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
