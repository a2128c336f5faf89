// Compressed kernels by their first bytes. gzip and zstd come with Node, xz and lz4 are our own decoders; what is not here
// (lzo, lzma, bzip2) the kernel's own decompressor does inside the guest, slower.

import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { decodeLz4, isLz4 } from "./lz4.ts";
import { decodeXz, isXz } from "./xz/xz-stream.ts";

/** No real kernel comes near; a payload that claims more is damaged. */
export const MAX_KERNEL_BYTES = 512 * 1024 * 1024;

export type Compression = "gzip" | "zstd" | "xz" | "lz4";

/** How `bytes` is compressed, as far as this host can undo it. */
export function compressionOf(bytes: Uint8Array): Compression | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  if (bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd) return "zstd";
  if (isXz(bytes)) return "xz";
  return isLz4(bytes) ? "lz4" : undefined;
}

/** Undoes `compression`; bytes after the compressed data are ignored. Throws whatever the decoder throws for damaged data. */
export function decompress(bytes: Uint8Array, compression: Compression, expectedBytes: number): Uint8Array {
  const limit = expectedBytes > 0 && expectedBytes <= MAX_KERNEL_BYTES ? expectedBytes : MAX_KERNEL_BYTES;
  switch (compression) {
    case "gzip":
      return gunzipSync(bytes, { maxOutputLength: limit });
    case "zstd":
      return zstdDecompressSync(bytes, { maxOutputLength: limit });
    case "xz":
      return decodeXz(bytes, limit);
    case "lz4":
      return decodeLz4(bytes, limit);
  }
}
