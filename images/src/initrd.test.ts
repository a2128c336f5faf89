// Which RAM disks are opened on the host, and that nothing of the others is lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { openInitrd } from "./initrd.ts";

const MIB = 1024 * 1024;
const cpio = Buffer.from(`070701${"0".repeat(5000)}`);

test("a compressed cpio is opened", () => {
  for (const file of [gzipSync(cpio), zstdCompressSync(cpio)])
    assert.deepEqual(Buffer.from(openInitrd(file, 64 * MIB)), cpio);
});

test("everything else is left as it is", () => {
  const cases: [string, Uint8Array][] = [
    ["a plain cpio", cpio],
    ["no cpio inside", gzipSync(Buffer.from("x".repeat(5000)))],
    ["something after the archive", Buffer.concat([gzipSync(cpio), Buffer.alloc(512)])],
    ["two archives, each compressed", Buffer.concat([zstdCompressSync(cpio), zstdCompressSync(cpio)])],
    ["damaged", gzipSync(cpio).subarray(0, 30)],
    ["empty", new Uint8Array(0)],
    ["microcode first", Buffer.concat([cpio, gzipSync(cpio)])],
  ];
  for (const [name, file] of cases) assert.equal(openInitrd(file, 64 * MIB), file, name);
  const small = gzipSync(cpio);
  assert.equal(openInitrd(small, 4 * 4096), small, "larger than a quarter of the memory");
});
