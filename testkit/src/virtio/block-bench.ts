// A block device with a mock driver on it: disks with known contents, one that ends its operations when told to, and
// requests in one call.

import { type BlockBackend, BlockDevice, type BlockDone, MemoryBlockBackend } from "@hearth/machine";
import type { MockBuffer, MockQueue } from "./mock-queue.ts";
import { plugIn, type VirtioRig } from "./rig.ts";

/** Size of the disks here. */
export const SECTORS = 64;
/** Request types and statuses (virtio 1.2 §5.2.6). */
export const IN = 0;
export const OUT = 1;
export const FLUSH = 4;
export const GET_ID = 8;
export const DISCARD = 11;
export const WRITE_ZEROES = 13;
export const [OK, IOERR, UNSUPP] = [0, 1, 2];

/** A memory disk whose operations wait until `release`. */
export class SlowBackend implements BlockBackend {
  readonly sizeBytes = SECTORS * 512;
  readonly isReadOnly = false;
  readonly serial = "slow";
  readonly memory = new MemoryBlockBackend(pattern());
  readonly waiting: (() => void)[] = [];
  readonly log: string[] = [];
  failure: Error | undefined;

  read(position: number, target: Uint8Array, done: BlockDone): void {
    this.#later(`read ${position} ${target.length}`, done, (end) => this.memory.read(position, target, end));
  }

  write(position: number, source: Uint8Array, done: BlockDone): void {
    this.#later(`write ${position} ${source.length}`, done, (end) =>
      this.memory.write(position, source, end),
    );
  }

  flush(done: BlockDone): void {
    this.#later("flush", done, (end) => end());
  }

  discard(position: number, sizeBytes: number, done: BlockDone): void {
    this.#later(`discard ${position} ${sizeBytes}`, done, (end) => end());
  }

  /** Ends the operations that wait now, the last one first if `isReversed`. */
  release(isReversed = false): void {
    const batch = this.waiting.splice(0);
    for (const end of isReversed ? batch.reverse() : batch) end();
  }

  #later(what: string, done: BlockDone, work: (end: BlockDone) => void): void {
    this.log.push(what);
    this.waiting.push(() => (this.failure === undefined ? work(done) : done(this.failure)));
  }
}

/** A started device, its rig and its only queue. */
export interface Bench {
  rig: VirtioRig;
  queue: MockQueue;
  device: BlockDevice;
}

/** Plugs a disk in and starts it. */
export function makeBench(backend: BlockBackend, ramBytes?: number): Bench {
  const device = new BlockDevice(backend);
  const rig = plugIn(device, ramBytes);
  const [queue] = rig.driver.start();
  return { rig, queue: queue!, device };
}

/** Contents in which no two sectors are the same. */
export function pattern(): Uint8Array {
  return Uint8Array.from({ length: SECTORS * 512 }, (_, i) => i * 7 + (i >> 9));
}

/** A request's header as a buffer. */
export function header(rig: VirtioRig, type: number, sector: number | bigint): MockBuffer {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, type, true);
  view.setBigUint64(8, BigInt(sector), true);
  return rig.driver.arena.readable(new Uint8Array(view.buffer));
}

/** The range of a discard or write-zeroes request. */
export function range(sector: number | bigint, count: number, flags: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigUint64(0, BigInt(sector), true);
  view.setUint32(8, count, true);
  view.setUint32(12, flags, true);
  return new Uint8Array(view.buffer);
}

/** Offers header + buffers + status byte, notifies, returns the status byte, or undefined while it waits. */
export function request(
  bench: Bench,
  type: number,
  sector: number | bigint,
  ...buffers: MockBuffer[]
): number | undefined {
  const status = bench.rig.driver.arena.writable(1, 0xff);
  bench.queue.offer(header(bench.rig, type, sector), ...buffers, status);
  bench.rig.driver.notify(0);
  const value = bench.rig.driver.arena.contentOf(status)[0]!;
  return value === 0xff ? undefined : value;
}
