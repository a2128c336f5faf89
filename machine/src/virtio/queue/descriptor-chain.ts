// One descriptor chain of a split virtqueue, already checked: every segment lies in RAM, device-readable segments come
// before device-writable ones (virtio 1.2 §2.7.4.2). Devices see bytes, not framing: they address the readable and the
// writable part by position, so a driver may cut a request into buffers as it likes (§2.7.4.3).
//
// Hot: objects are made once and filled again by SplitQueue.pop.

import type { GuestMemory } from "../../memory/guest-memory.ts";

/** A reusable container. What it holds is valid from `pop` until its head is given to `pushUsed`. */
export class DescriptorChain {
  readonly memory: GuestMemory;
  /** Index of the first descriptor: what the used ring reports. */
  head = 0;
  /** Sizes of the two parts; their sum is below 2^32. */
  readableBytes = 0;
  writableBytes = 0;
  #segmentCount = 0;
  #readableCount = 0;
  /** Offsets in the memory's buffer and sizes; entries beyond #segmentCount are leftovers. */
  readonly #offsets: number[] = [];
  readonly #sizes: number[] = [];

  constructor(memory: GuestMemory) {
    this.memory = memory;
  }

  /** For the queue only. */
  begin(head: number): void {
    this.head = head;
    this.readableBytes = 0;
    this.writableBytes = 0;
    this.#segmentCount = 0;
    this.#readableCount = 0;
  }

  /** For the queue only. False when a readable segment follows a writable one or the chain exceeds 2^32 - 1 bytes. */
  append(offset: number, sizeBytes: number, isWritable: boolean): boolean {
    if (isWritable) {
      this.writableBytes += sizeBytes;
    } else {
      if (this.#readableCount !== this.#segmentCount) return false;
      this.#readableCount++;
      this.readableBytes += sizeBytes;
    }
    this.#offsets[this.#segmentCount] = offset;
    this.#sizes[this.#segmentCount] = sizeBytes;
    this.#segmentCount++;
    return this.readableBytes + this.writableBytes <= 0xffff_ffff;
  }

  /** Copies readable bytes from `position` on into `target`; returns how many there were. */
  read(position: number, target: Uint8Array): number {
    const { bytes } = this.memory;
    let skip = position;
    let done = 0;
    for (let i = 0; i < this.#readableCount && done < target.length; i++) {
      const size = this.#sizes[i]!;
      if (skip >= size) {
        skip -= size;
        continue;
      }
      const from = this.#offsets[i]! + skip;
      const count = Math.min(size - skip, target.length - done);
      target.set(bytes.subarray(from, from + count), done);
      done += count;
      skip = 0;
    }
    return done;
  }

  /** Copies `source` into the writable part from `position` on; returns how many bytes fitted. */
  write(position: number, source: Uint8Array): number {
    const { memory } = this;
    let skip = position;
    let done = 0;
    for (let i = this.#readableCount; i < this.#segmentCount && done < source.length; i++) {
      const size = this.#sizes[i]!;
      if (skip >= size) {
        skip -= size;
        continue;
      }
      const to = this.#offsets[i]! + skip;
      const count = Math.min(size - skip, source.length - done);
      memory.bytes.set(count === source.length ? source : source.subarray(done, done + count), to);
      memory.noteDeviceWrite(to, count);
      done += count;
      skip = 0;
    }
    return done;
  }

  /** Writes one byte at `position` of the writable part, which must have it. */
  writeByte(position: number, value: number): void {
    let skip = position;
    for (let i = this.#readableCount; i < this.#segmentCount; i++) {
      const size = this.#sizes[i]!;
      if (skip < size) {
        const to = this.#offsets[i]! + skip;
        this.memory.view.setUint8(to, value);
        this.memory.noteDeviceWrite(to, 1);
        return;
      }
      skip -= size;
    }
  }
}
