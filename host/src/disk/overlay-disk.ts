// A copy-on-write disk: a base file that is only read, and a private sparse overlay that takes the writes and is gone
// when the disk is closed. One bit for each granule of 4 KiB says where its data is. 4 KiB because guests write file
// system blocks of that size: such a write never has to read the base first.

import type { BlockDone } from "@hearth/machine";
import type { DiskFile } from "./disk-file.ts";
import type { HostDisk } from "./host-disk.ts";
import { GranuleMap } from "./granule-map.ts";

export const GRANULE_BYTES = 4096;

/** A write that brings granules into the overlay for the first time. */
interface FirstTouch {
  readonly firstGranule: number;
  readonly lastGranule: number;
}

/** Base and overlay together. Nothing of it is durable, so flush has nothing to do. */
export class OverlayDisk implements HostDisk {
  readonly path: string;
  readonly mode = "copy-on-write";
  readonly isReadOnly = false;
  readonly sizeBytes: number;
  readonly serial: string;
  readonly warnings: readonly string[];
  readonly #base: DiskFile;
  readonly #overlay: DiskFile;
  readonly #map: GranuleMap;
  /**
   * First touches under way. Two on one granule would each fill up the rest of it from the base and undo the other's
   * data, so a write that meets one here waits.
   */
  readonly #firstTouches = new Set<FirstTouch>();
  #waiting: (() => void)[] = [];

  constructor(
    base: DiskFile,
    overlay: DiskFile,
    options: { sizeBytes: number; serial: string; warnings: string[] },
  ) {
    this.#base = base;
    this.#overlay = overlay;
    this.path = base.path;
    this.sizeBytes = options.sizeBytes;
    this.serial = options.serial;
    this.warnings = options.warnings;
    this.#map = new GranuleMap(Math.ceil(options.sizeBytes / GRANULE_BYTES));
  }

  /** Bytes of the overlay in use. */
  get overlayBytes(): number {
    return this.#map.count * GRANULE_BYTES;
  }

  read(position: number, target: Uint8Array, done: BlockDone): void {
    const end = position + target.length;
    const lastGranule = Math.floor((end - 1) / GRANULE_BYTES);
    let underWay = 1;
    let failure: Error | undefined;
    const onPart: BlockDone = (error) => {
      failure ??= error;
      if (--underWay === 0) done(failure);
    };
    for (let at = position; at < end; ) {
      const granule = Math.floor(at / GRANULE_BYTES);
      const runEnd = Math.min(this.#map.endOfRun(granule, lastGranule) * GRANULE_BYTES, end);
      const file = this.#map.has(granule) ? this.#overlay : this.#base;
      underWay++;
      file.read(at, target.subarray(at - position, runEnd - position), onPart);
      at = runEnd;
    }
    onPart();
  }

  write(position: number, source: Uint8Array, done: BlockDone): void {
    const firstGranule = Math.floor(position / GRANULE_BYTES);
    const lastGranule = Math.floor((position + source.length - 1) / GRANULE_BYTES);
    if (source.length === 0) done();
    else if (this.#map.hasAll(firstGranule, lastGranule)) this.#overlay.write(position, source, done);
    else if (this.#meetsFirstTouch(firstGranule, lastGranule)) {
      this.#waiting.push(() => this.write(position, source, done));
    } else {
      const touch = { firstGranule, lastGranule };
      this.#firstTouches.add(touch);
      this.#writeFirst(position, source, touch, (error) => {
        if (error === undefined) this.#map.addAll(firstGranule, lastGranule);
        this.#firstTouches.delete(touch);
        done(error);
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const retry of waiting) retry();
      });
    }
  }

  flush(done: BlockDone): void {
    done();
  }

  async close(): Promise<void> {
    await Promise.all([this.#base.close(), this.#overlay.close()]);
  }

  #meetsFirstTouch(firstGranule: number, lastGranule: number): boolean {
    for (const touch of this.#firstTouches) {
      if (touch.firstGranule <= lastGranule && firstGranule <= touch.lastGranule) return true;
    }
    return false;
  }

  /** Fills the parts of the outer granules that `source` leaves open from the base, then writes it all in one go. */
  #writeFirst(position: number, source: Uint8Array, touch: FirstTouch, done: BlockDone): void {
    const end = position + source.length;
    const start = this.#map.has(touch.firstGranule) ? position : touch.firstGranule * GRANULE_BYTES;
    const granulesEnd = Math.min((touch.lastGranule + 1) * GRANULE_BYTES, this.sizeBytes);
    const stop = this.#map.has(touch.lastGranule) ? end : granulesEnd;
    if (start === position && stop === end) {
      this.#overlay.write(position, source, done);
      return;
    }
    const whole = new Uint8Array(stop - start);
    whole.set(source, position - start);
    let underWay = 1;
    let failure: Error | undefined;
    const onPart: BlockDone = (error) => {
      failure ??= error;
      if (--underWay > 0) return;
      if (failure !== undefined) done(failure);
      else this.#overlay.write(start, whole, done);
    };
    for (const [from, to] of [
      [start, position],
      [end, stop],
    ] as const) {
      if (from === to) continue;
      underWay++;
      this.#base.read(from, whole.subarray(from - start, to - start), onPart);
    }
    onPart();
  }
}
