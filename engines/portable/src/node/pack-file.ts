// A pack on disk. Only its index stays in memory.

import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { StoredModule } from "../translation/kept-module.ts";
import {
  decodeIndex,
  decodeModule,
  HEADER_BYTES,
  indexBytesOf,
  type PackEntry,
} from "../translation/pack.ts";

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

/** What is in the file; undefined when it is damaged, of another version or from another compiler. Throws when it cannot be read. */
export function openPack(path: string, compiler: Uint8Array): readonly StoredModule[] | undefined {
  const entries = withFile(path, (file) => readIndex(file, compiler));
  return entries?.map((entry) => ({
    digests: entry.digests,
    checksum: entry.checksum,
    read: () => readModule(path, entry),
  }));
}

function withFile<T>(path: string, use: (file: number) => T): T {
  const file = openSync(path, "r");
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

function readIndex(file: number, compiler: Uint8Array): readonly PackEntry[] | undefined {
  const fileBytes = fstatSync(file).size;
  const header = readAt(file, 0, HEADER_BYTES);
  const indexBytes = header && indexBytesOf(header, compiler);
  if (header === undefined || indexBytes === undefined || HEADER_BYTES + indexBytes > fileBytes)
    return undefined;
  const index = readAt(file, HEADER_BYTES, indexBytes);
  return index && decodeIndex(header, index, fileBytes, sha256);
}

/** Undefined when another process has removed the file, too. */
function readModule(path: string, entry: PackEntry): ReturnType<StoredModule["read"]> {
  try {
    const bytes = withFile(path, (file) => readAt(file, entry.offset, entry.sizeBytes));
    return bytes && decodeModule(entry, bytes, sha256);
  } catch {
    return undefined;
  }
}

/** Undefined when the file ends before. */
function readAt(file: number, offset: number, sizeBytes: number): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(sizeBytes);
  return readSync(file, bytes, 0, sizeBytes, offset) === sizeBytes ? bytes : undefined;
}
