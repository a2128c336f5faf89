// Opening disk files: the three modes, sizes, and every way it can go wrong.

import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { HostDisk } from "./host-disk.ts";
import { openDisk } from "./open-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "hearth-disk-test-"));
after(() => rmSync(folder, { recursive: true }));

let fileCount = 0;
function makeFile(bytes: Uint8Array): string {
  const path = join(folder, `disk${fileCount++}.img`);
  writeFileSync(path, bytes);
  return path;
}

function pattern(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, i) => (i >> 9) + i);
}

function read(disk: HostDisk, position: number, sizeBytes: number): Promise<Uint8Array> {
  const target = new Uint8Array(sizeBytes);
  return new Promise((resolve, reject) =>
    disk.read(position, target, (error) => (error ? reject(error) : resolve(target))),
  );
}

function write(disk: HostDisk, position: number, source: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    disk.write(position, source, (error) => (error ? reject(error) : resolve())),
  );
}

function flush(disk: HostDisk): Promise<void> {
  return new Promise((resolve, reject) => disk.flush((error) => (error ? reject(error) : resolve())));
}

describe("modes", () => {
  test("read-only reads and says it is read-only", async () => {
    const bytes = pattern(4096);
    const disk = await openDisk(makeFile(bytes), { mode: "read-only" });
    assert.equal(disk.isReadOnly, true);
    assert.equal(disk.sizeBytes, 4096);
    assert.deepEqual(await read(disk, 512, 1024), bytes.subarray(512, 1536));
    await assert.rejects(write(disk, 0, new Uint8Array(512)), { code: "disk.io" });
    await flush(disk);
    await disk.close();
  });

  test("read-write changes the file", async () => {
    const path = makeFile(pattern(4096));
    const disk = await openDisk(path, { mode: "read-write" });
    assert.equal(disk.isReadOnly, false);
    await write(disk, 1024, new Uint8Array(512).fill(7));
    await flush(disk);
    await disk.close();
    const expected = pattern(4096);
    expected.fill(7, 1024, 1536);
    assert.deepEqual(new Uint8Array(readFileSync(path)), expected);
  });

  test("copy-on-write leaves the file and its folder as they were", async () => {
    const path = makeFile(pattern(8192));
    const overlayDirectory = join(folder, "overlays");
    mkdirSync(overlayDirectory);
    const disk = await openDisk(path, { mode: "copy-on-write", overlayDirectory });
    await write(disk, 0, new Uint8Array(8192).fill(9));
    assert.deepEqual(await read(disk, 0, 8192), new Uint8Array(8192).fill(9));
    assert.deepEqual(readdirSync(overlayDirectory), []);
    await disk.close();
    assert.deepEqual(new Uint8Array(readFileSync(path)), pattern(8192));
  });

  test("reads and writes work in shared memory", async () => {
    const disk = await openDisk(makeFile(pattern(1024)), { mode: "copy-on-write" });
    const shared = new Uint8Array(new SharedArrayBuffer(512)).fill(3);
    await write(disk, 0, shared);
    await new Promise<void>((resolve) => disk.read(512, shared, () => resolve()));
    assert.deepEqual(Uint8Array.from(shared), pattern(1024).subarray(512));
    assert.deepEqual(await read(disk, 0, 512), new Uint8Array(512).fill(3));
    await disk.close();
  });
});

describe("sizes", () => {
  test("a file that is no whole number of sectors is rounded down, with a warning", async () => {
    const disk = await openDisk(makeFile(pattern(1300)), { mode: "read-only" });
    assert.equal(disk.sizeBytes, 1024);
    assert.match(disk.warnings.join(), /last 276 bytes/);
    await disk.close();
  });

  test("a file that shrinks under a running disk gives an error, not nonsense", async () => {
    const path = makeFile(pattern(4096));
    const disk = await openDisk(path, { mode: "read-only" });
    truncateSync(path, 600);
    await assert.rejects(read(disk, 512, 512), { code: "disk.truncated" });
    await disk.close();
  });
});

describe("refusals", () => {
  const cases: [string, string, () => string][] = [
    ["a missing file", "disk.missing", () => join(folder, "nowhere.img")],
    ["a folder", "disk.not-a-file", () => folder],
    ["a device", "disk.not-a-file", () => "/dev/null"],
    ["an empty file", "disk.empty", () => makeFile(new Uint8Array(0))],
    ["less than a sector", "disk.empty", () => makeFile(new Uint8Array(511))],
    [
      "a dangling link",
      "disk.missing",
      () => {
        const path = join(folder, "dangling");
        symlinkSync(join(folder, "nowhere.img"), path);
        return path;
      },
    ],
  ];
  for (const [name, code, makePath] of cases) {
    test(name, async () => {
      const path = makePath();
      await assert.rejects(openDisk(path, { mode: "copy-on-write" }), (error: Error & { code: string }) => {
        assert.equal(error.code, code);
        assert.ok(error.message.includes(path));
        return true;
      });
    });
  }

  const isRoot = process.getuid?.() === 0;
  test("no permission", { skip: isRoot && "root may read everything" }, async () => {
    const path = makeFile(pattern(512));
    chmodSync(path, 0o444);
    await assert.rejects(openDisk(path, { mode: "read-write" }), { code: "disk.not-writable" });
    chmodSync(path, 0);
    await assert.rejects(openDisk(path, { mode: "read-only" }), { code: "disk.unreadable" });
  });

  test("an overlay folder that is not there", async () => {
    const overlayDirectory = join(folder, "absent");
    const opening = openDisk(makeFile(pattern(512)), { mode: "copy-on-write", overlayDirectory });
    await assert.rejects(opening, { code: "disk.overlay" });
  });
});

describe("closing", () => {
  test("waits for what is under way; afterwards everything fails, and closing again is nothing", async () => {
    const disk = await openDisk(makeFile(pattern(4096)), { mode: "read-only" });
    const order: string[] = [];
    disk.read(0, new Uint8Array(4096), (error) => order.push(error ? "failed" : "read"));
    await disk.close().then(() => order.push("closed"));
    assert.deepEqual(order, ["read", "closed"]);
    await assert.rejects(read(disk, 0, 512), { code: "disk.closed" });
    await disk.close();
  });
});
