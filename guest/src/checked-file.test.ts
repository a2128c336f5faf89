// The checksums guard what is booted: right bytes pass, and a changed, unlisted or missing file is named.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { HearthError } from "@hearth/machine/errors";
import { readChecked } from "./checked-file.ts";
import { baseInitramfs, kernelImage } from "./index.ts";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "hearth-guest-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HearthError && error.code === code;
}

test("the embedded kernel is a bzImage below 8 MiB", async () => {
  const image = await kernelImage();
  assert.equal(Buffer.from(image.subarray(0x202, 0x206)).toString("latin1"), "HdrS");
  assert.ok(image.length <= 8 * 1024 * 1024);
});

test("the base initramfs is a cpio with an init, below 1.5 MiB compressed", async () => {
  const packed = await baseInitramfs();
  assert.ok(packed.length < 1.5 * 1024 * 1024);
  const archive = gunzipSync(packed);
  assert.equal(archive.subarray(0, 6).toString("latin1"), "070701");
  assert.ok(archive.includes(Buffer.from("init\0")));
  assert.ok(archive.includes(Buffer.from("bin/busybox\0")));
});

test("a file is read only with the checksum that is recorded for it", async () => {
  await inFolder(async (folder) => {
    const file = {
      url: pathToFileURL(join(folder, "image")),
      sums: pathToFileURL(join(folder, "SHA256SUMS")),
    };
    await assert.rejects(readChecked(file), hasCode("guest.missing"));
    await writeFile(file.sums, `${createHash("sha256").update("good").digest("hex")}  image\n`);
    await assert.rejects(readChecked(file), hasCode("guest.missing"));
    await writeFile(file.url, "good");
    assert.equal(Buffer.from(await readChecked(file)).toString(), "good");
    await writeFile(file.url, "goof");
    await assert.rejects(readChecked(file), hasCode("guest.checksum"));
    await writeFile(file.sums, "nothing  image\n");
    await assert.rejects(readChecked(file), hasCode("guest.checksum"));
  });
});
