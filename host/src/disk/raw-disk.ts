// A disk that is a file, byte for byte, used in place: read-only or read-write.

import type { BlockDone } from "@hearth/machine";
import type { DiskFile } from "./disk-file.ts";
import type { DiskMode, HostDisk } from "./host-disk.ts";

/** Reads and writes go straight to the file; flush is fdatasync. */
export class RawDisk implements HostDisk {
  readonly path: string;
  readonly mode: DiskMode;
  readonly sizeBytes: number;
  readonly serial: string;
  readonly warnings: readonly string[];
  readonly #file: DiskFile;

  /** `sizeBytes` is a multiple of 512; the file must have been opened for what `isReadOnly` says. */
  constructor(
    file: DiskFile,
    options: { sizeBytes: number; isReadOnly: boolean; serial: string; warnings: string[] },
  ) {
    this.#file = file;
    this.path = file.path;
    this.mode = options.isReadOnly ? "read-only" : "read-write";
    this.sizeBytes = options.sizeBytes;
    this.serial = options.serial;
    this.warnings = options.warnings;
  }

  get isReadOnly(): boolean {
    return this.mode === "read-only";
  }

  read(position: number, target: Uint8Array, done: BlockDone): void {
    this.#file.read(position, target, done);
  }

  write(position: number, source: Uint8Array, done: BlockDone): void {
    this.#file.write(position, source, done);
  }

  flush(done: BlockDone): void {
    if (this.isReadOnly) done();
    else this.#file.sync(done);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
