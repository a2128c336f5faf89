// From a kernel file as distributions ship it to what a machine boots. A bzImage is opened on the host and its ELF is
// booted directly: faster than letting the guest decompress itself, and the same kernel. Formats: ELF vmlinux, bzImage,
// and either of them compressed as a whole with gzip, zstd, xz or lz4.

import { HearthError } from "@hearth/machine/errors";
import { findPayload, isBzImage } from "./bz-image.ts";
import { type Compression, compressionOf, decompress } from "./decompress.ts";
import { checkKernelElf, isElf } from "./elf-header.ts";

/** A kernel ready for the machine's loader. */
export interface PreparedKernel {
  /** What `bytes` holds: "bzimage" only where the wrapper could not be opened here. */
  readonly format: "elf" | "bzimage";
  readonly bytes: Uint8Array;
}

/**
 * Checks `file` and opens it as far as possible. Throws HearthError kernel.truncated, .32-bit, .wrong-architecture,
 * .corrupt or .not-a-kernel. `source` names the file in messages.
 */
export function prepareKernel(file: Uint8Array, source: string): PreparedKernel {
  const wrapping = compressionOf(file);
  const bytes = wrapping === undefined ? file : open(file, wrapping, 0, source);
  if (isElf(bytes)) {
    checkKernelElf(bytes, source);
    return { format: "elf", bytes };
  }
  if (isBzImage(bytes)) return prepareBzImage(bytes, source);
  throw unknownFormat(bytes, source);
}

function prepareBzImage(file: Uint8Array, source: string): PreparedKernel {
  const payload = findPayload(file, source);
  if (payload === undefined) return { format: "bzimage", bytes: file };
  const compressed = file.subarray(payload.offset, payload.offset + payload.sizeBytes);
  const compression = compressionOf(compressed);
  if (compression === undefined && !isElf(compressed)) return { format: "bzimage", bytes: file };
  const elf = compression === undefined ? compressed : openPayload(compressed, compression, source);
  if (!isElf(elf)) return { format: "bzimage", bytes: file };
  checkKernelElf(elf, source);
  return { format: "elf", bytes: elf };
}

/** The kernel build appends the size after decompression; for gzip that is the format's own trailer. */
function openPayload(payload: Uint8Array, compression: Compression, source: string): Uint8Array {
  const trailerAt = Math.max(payload.length - 4, 0);
  const trailer = payload.subarray(trailerAt);
  const sizeBytes = trailer.reduceRight((value, byte) => value * 256 + byte, 0);
  return open(
    compression === "gzip" ? payload : payload.subarray(0, trailerAt),
    compression,
    sizeBytes,
    source,
  );
}

function open(
  bytes: Uint8Array,
  compression: Compression,
  expectedBytes: number,
  source: string,
): Uint8Array {
  try {
    return decompress(bytes, compression, expectedBytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HearthError("kernel.corrupt", `${source} cannot be decompressed (${compression}): ${reason}.`, {
      cause,
    });
  }
}

function unknownFormat(bytes: Uint8Array, source: string): HearthError {
  if (hasMagic(bytes, 0x38, [0x41, 0x52, 0x4d, 0x64])) return wrongArchitecture(source, "ARM (AArch64)");
  if (hasMagic(bytes, 0x24, [0x18, 0x28, 0x6f, 0x01])) return wrongArchitecture(source, "ARM");
  if (hasMagic(bytes, 0x38, [0x52, 0x53, 0x43, 0x05])) return wrongArchitecture(source, "RISC-V");
  if (bytes.length < 0x250)
    return new HearthError(
      "kernel.truncated",
      `${source} is truncated: ${bytes.length} bytes cannot hold a kernel.`,
    );
  return new HearthError(
    "kernel.not-a-kernel",
    `${source} is not a kernel: neither an ELF vmlinux nor a bzImage.`,
  );
}

function wrongArchitecture(source: string, name: string): HearthError {
  return new HearthError(
    "kernel.wrong-architecture",
    `${source} is a kernel for ${name}; Hearth runs x86-64 guests.`,
  );
}

function hasMagic(bytes: Uint8Array, at: number, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[at + i] === byte);
}
