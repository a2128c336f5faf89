// Kernels that were decompressed before, kept in a folder: unpacking takes a tenth of a second with LZ4 and seconds with XZ, reading
// what was unpacked a fraction of that. A file is named after the SHA-256 of the compressed one, has a CRC-32 behind the ELF, and
// appears whole. Whatever is wrong with the folder, kernels are decompressed.

import { createHash } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";

const SUFFIX = ".elf";
const UNFINISHED = ".unfinished";
/** An unfinished file as old as this belongs to a process that is gone. */
const ABANDONED_MS = 60_000;
const CRC_BYTES = 4;
const OTHERS_WRITE = 0o022;

export class UnpackedKernels {
  readonly #folder: string;
  readonly #maxBytes: number;

  /** All files together take at most about `maxBytes`; the ones longest unused go first. */
  constructor(folder: string, maxBytes = 512 * 1024 * 1024) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  /** What `packed` was decompressed to before; undefined when that is not known. */
  find(packed: Uint8Array): Uint8Array | undefined {
    const path = this.#pathOf(packed);
    try {
      if (!isOurs(this.#folder)) return undefined;
      const file = readFileSync(path);
      const elf = file.subarray(0, file.length - CRC_BYTES);
      if (file.length < CRC_BYTES || file.readUInt32LE(elf.length) !== crc32(elf)) {
        remove(path);
        return undefined;
      }
      const now = new Date();
      utimesSync(path, now, now);
      return elf;
    } catch {
      return undefined;
    }
  }

  /** Takes in what `packed` was decompressed to. */
  keep(packed: Uint8Array, elf: Uint8Array): void {
    const path = this.#pathOf(packed);
    const unfinished = `${path}.${process.pid}${UNFINISHED}`;
    const checksum = Buffer.alloc(CRC_BYTES);
    checksum.writeUInt32LE(crc32(elf));
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      writeFileSync(unfinished, elf);
      writeFileSync(unfinished, checksum, { flag: "a" });
      renameSync(unfinished, path);
      this.#makeRoom();
    } catch {
      remove(unfinished);
    }
  }

  #pathOf(packed: Uint8Array): string {
    return join(this.#folder, createHash("sha256").update(packed).digest("hex") + SUFFIX);
  }

  #makeRoom(): void {
    const files = readdirSync(this.#folder)
      .map((name) => join(this.#folder, name))
      .map((path) => ({ path, found: statSync(path, { throwIfNoEntry: false }) }))
      .flatMap(({ path, found }) => (found ? [{ path, sizeBytes: found.size, usedMs: found.mtimeMs }] : []))
      .toSorted((a, b) => a.usedMs - b.usedMs);
    let bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const { path, sizeBytes, usedMs } of files) {
      const isAbandoned = path.endsWith(UNFINISHED) && Date.now() - usedMs > ABANDONED_MS;
      if (!isAbandoned && (bytes <= this.#maxBytes || path.endsWith(UNFINISHED))) continue;
      remove(path);
      bytes -= sizeBytes;
    }
  }
}

/** The folder may have become read-only, or be none. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Then it stays.
  }
}

/** What is found here is booted: does the folder belong to this user, and may nobody else write there? */
function isOurs(folder: string): boolean {
  const { uid, mode } = statSync(folder);
  return process.getuid === undefined || (uid === process.getuid() && (mode & OTHERS_WRITE) === 0);
}
