// Initial RAM disks. One that is compressed as a whole is opened on the host: the guest's processor is slower, and the
// kernel takes a plain cpio as well. Anything else (several archives in a row, microcode first) is left as it is.

import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { compressionOf } from "./kernel/decompress.ts";
import { readBootFile } from "./kernel/read-kernel.ts";

/** Opened it may take this part of the guest's memory at most: it and what is unpacked from it must fit side by side. */
const LARGEST_SHARE = 1 / 4;
const CPIO_MAGICS = ["070701", "070702"];

/** Reads the initrd at `path` for a machine of `memoryBytes`. Throws HearthError initrd.missing or initrd.unreadable. */
export async function readInitrd(path: string, memoryBytes: number): Promise<Uint8Array> {
  return openInitrd(await readBootFile(path, "initrd"), memoryBytes);
}

/** `file` decompressed where that is one plain cpio archive of a reasonable size, else as it is. Never throws. */
export function openInitrd(file: Uint8Array, memoryBytes: number): Uint8Array {
  const limitBytes = Math.floor(memoryBytes * LARGEST_SHARE);
  const opened = tryOpen(file, limitBytes);
  return opened !== undefined && opened.length <= limitBytes && isCpio(opened) ? opened : file;
}

function tryOpen(file: Uint8Array, limitBytes: number): Uint8Array | undefined {
  try {
    switch (compressionOf(file)) {
      case "gzip":
        return allOf(file, gunzipSync(file, { maxOutputLength: limitBytes, info: true }));
      case "zstd":
        return allOf(file, zstdDecompressSync(file, { maxOutputLength: limitBytes, info: true }));
      default:
        return undefined;
    }
  } catch {
    // Damaged, too large, or something that only looks like it: the guest's kernel will have its own opinion.
    return undefined;
  }
}

/** Undefined when something follows the compressed data, which would be lost. `info` is missing from the types. */
function allOf(file: Uint8Array, result: unknown): Uint8Array | undefined {
  const { buffer, engine } = result as { buffer: Uint8Array; engine: { bytesWritten: number } };
  return engine.bytesWritten === file.length ? buffer : undefined;
}

function isCpio(bytes: Uint8Array): boolean {
  return CPIO_MAGICS.includes(new TextDecoder("latin1").decode(bytes.subarray(0, 6)));
}
