// One open file under a disk: whole reads and writes at a position, and a close that waits for what is under way.
// Callbacks of node:fs rather than promises: this is the data path of every virtual disk.

import fs from "node:fs";
import { HearthError, type BlockDone } from "@hearth/machine";

/** An open file. Operations may overlap; each ends with exactly one call of `done`. */
export class DiskFile {
  readonly path: string;
  readonly #fd: number;
  #underWay = 0;
  #isClosing = false;
  #onIdle: (() => void) | undefined;

  /** Owns `fd` from now on. */
  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Fills all of `target`; an end of file inside it is an error. */
  read(position: number, target: Uint8Array, done: BlockDone): void {
    if (this.#begin(done)) this.#readRest(position, target, 0, done);
  }

  /** Writes all of `source`. */
  write(position: number, source: Uint8Array, done: BlockDone): void {
    if (this.#begin(done)) this.#writeRest(position, source, 0, done);
  }

  /** Everything written before is on stable storage when this ends. */
  sync(done: BlockDone): void {
    if (!this.#begin(done)) return;
    fs.fdatasync(this.#fd, (error) => this.#end(done, error && this.#failure("sync", error)));
  }

  /** Waits for operations under way, then closes. Later operations fail. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await new Promise<void>((resolve) => fs.close(this.#fd, () => resolve()));
  }

  #readRest(position: number, target: Uint8Array, already: number, done: BlockDone): void {
    fs.read(this.#fd, target, already, target.length - already, position + already, (error, count) => {
      if (error) this.#end(done, this.#failure("read", error));
      else if (count === 0) this.#end(done, this.#truncated(position + already));
      else if (already + count < target.length) this.#readRest(position, target, already + count, done);
      else this.#end(done, null);
    });
  }

  #writeRest(position: number, source: Uint8Array, already: number, done: BlockDone): void {
    fs.write(this.#fd, source, already, source.length - already, position + already, (error, count) => {
      if (error) this.#end(done, this.#failure("write", error));
      else if (already + count < source.length) this.#writeRest(position, source, already + count, done);
      else this.#end(done, null);
    });
  }

  #begin(done: BlockDone): boolean {
    if (this.#isClosing) {
      done(new HearthError("disk.closed", `The disk file ${this.path} is closed.`));
      return false;
    }
    this.#underWay++;
    return true;
  }

  #end(done: BlockDone, error: HearthError | null): void {
    this.#underWay--;
    if (error === null) done();
    else done(error);
    if (this.#underWay === 0) this.#onIdle?.();
  }

  #failure(operation: string, cause: Error): HearthError {
    return new HearthError(
      "disk.io",
      `Could not ${operation} the disk file ${this.path}: ${cause.message}.`,
      { cause },
    );
  }

  #truncated(position: number): HearthError {
    return new HearthError(
      "disk.truncated",
      `The disk file ${this.path} now ends at ${position}: it has become shorter.`,
    );
  }
}
