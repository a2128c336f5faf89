import assert from "node:assert/strict";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openKernel, readKernel } from "./read-kernel.ts";
import { UnpackedKernels } from "./unpacked-kernels.ts";

const PACKED = Uint8Array.of(1, 2, 3);
const ELF = new Uint8Array(1000).fill(7);

/** A real one: what is found must pass for a kernel. */
async function embeddedElf(): Promise<Uint8Array> {
  const file = readFileSync(new URL("../../../guest/kernel/vmlinuz", import.meta.url));
  return openKernel(file, "the embedded kernel").bytes;
}

/** Gives `use` the path of a folder that does not exist yet. */
async function inFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const parent = mkdtempSync(join(tmpdir(), "hearth-kernels-"));
  try {
    await use(join(parent, "kept"));
  } finally {
    rmSync(parent, { recursive: true });
  }
}

const filesOf = (folder: string) => readdirSync(folder).map((name) => join(folder, name));

test("what was kept is found under what it was made from", async () => {
  await inFolder((folder) => {
    const kernels = new UnpackedKernels(folder);
    assert.equal(kernels.find(PACKED), undefined);
    kernels.keep(PACKED, ELF);
    assert.deepEqual(Uint8Array.from(new UnpackedKernels(folder).find(PACKED) ?? []), ELF);
    assert.equal(kernels.find(Uint8Array.of(1, 2, 4)), undefined);
  });
});

test("a damaged or truncated file is removed and not used", async () => {
  await inFolder((folder) => {
    const kernels = new UnpackedKernels(folder);
    kernels.keep(PACKED, ELF);
    const [path] = filesOf(folder) as [string];
    const whole = readFileSync(path);
    const flipped = Buffer.from(whole);
    flipped[500] = 0;
    for (const bytes of [flipped, whole.subarray(0, 500), whole.subarray(0, 3), Buffer.alloc(0)]) {
      writeFileSync(path, bytes);
      assert.equal(kernels.find(PACKED), undefined);
      assert.deepEqual(filesOf(folder), []);
    }
  });
});

test("a folder that others may write to is not trusted", async () => {
  await inFolder((folder) => {
    const kernels = new UnpackedKernels(folder);
    kernels.keep(PACKED, ELF);
    chmodSync(folder, 0o777);
    assert.equal(kernels.find(PACKED), undefined);
    chmodSync(folder, 0o700);
    assert.notEqual(kernels.find(PACKED), undefined);
  });
});

test("beyond its size the folder loses what was not used for longest", async () => {
  await inFolder((folder) => {
    const kernels = new UnpackedKernels(folder, 2500);
    const packed = [1, 2, 3].map((byte) => Uint8Array.of(byte));
    packed.slice(0, 2).forEach((file, i) => {
      kernels.keep(file, ELF);
      for (const path of filesOf(folder)) utimesSync(path, 1000 + i, 1000 + i);
    });
    kernels.find(packed[0] as Uint8Array);
    kernels.keep(packed[2] as Uint8Array, ELF);
    assert.deepEqual(
      packed.map((file) => kernels.find(file) !== undefined),
      [true, false, true],
    );
  });
});

test("a folder that cannot be made is no failure", async () => {
  await inFolder((folder) => {
    writeFileSync(folder, "a file");
    const kernels = new UnpackedKernels(folder);
    kernels.keep(PACKED, ELF);
    assert.equal(kernels.find(PACKED), undefined);
  });
});

test("a compressed kernel is decompressed once", async () => {
  await inFolder(async (folder) => {
    const elf = await embeddedElf();
    const path = `${folder}-kernel.gz`;
    writeFileSync(path, gzipSync(elf));
    const kernels = new UnpackedKernels(folder);
    const first = await readKernel(path, kernels);
    assert.equal(filesOf(folder).length, 1);
    const second = await readKernel(path, kernels);
    assert.deepEqual(Buffer.from(second.bytes), Buffer.from(first.bytes));
    assert.equal(second.format, "elf");
  });
});
