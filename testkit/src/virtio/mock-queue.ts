// The driver's side of one split virtqueue (virtio 1.2 §2.7), laid out in guest memory. Written from the specification
// and on purpose without the device's code, so that a misreading shows. It can also write every kind of nonsense.

import type { GuestMemory } from "@hearth/machine";

/** One buffer of a chain, guest-physical. */
export interface MockBuffer {
  readonly gpa: number;
  readonly sizeBytes: number;
  readonly isWritable: boolean;
}

/** An entry of the used ring. */
export interface UsedElement {
  readonly head: number;
  readonly writtenBytes: number;
}

export const DESC_NEXT = 1;
export const DESC_WRITE = 2;
export const DESC_INDIRECT = 4;

/** Bytes that a queue of `size` takes in guest memory. */
export function queueBytes(size: number): number {
  return 26 * size + 16;
}

/** A virtqueue as its driver sees it. Descriptors are used in turn and never freed: chains must be served in time. */
export class MockQueue {
  readonly memory: GuestMemory;
  readonly size: number;
  readonly descriptorGpa: number;
  readonly availableGpa: number;
  readonly usedGpa: number;
  /** Driver's copies of the ring indices. */
  availableIndex = 0;
  usedIndex = 0;
  #nextDescriptor = 0;

  constructor(memory: GuestMemory, gpa: number, size: number) {
    this.memory = memory;
    this.size = size;
    this.descriptorGpa = gpa;
    this.availableGpa = gpa + 16 * size;
    this.usedGpa = Math.ceil((this.availableGpa + 6 + 2 * size) / 4) * 4;
    memory.slice(gpa, this.usedGpa + 6 + 8 * size - gpa).fill(0);
  }

  writeDescriptor(index: number, gpa: number | bigint, sizeBytes: number, flags: number, next: number): void {
    const at = this.descriptorGpa + 16 * index;
    this.memory.writeU64(at, BigInt(gpa));
    this.memory.writeU32(at + 8, sizeBytes);
    this.memory.writeU16(at + 12, flags);
    this.memory.writeU16(at + 14, next);
  }

  /** Lays `buffers` out as one chain and makes it available. Returns the head's index. */
  offer(...buffers: readonly MockBuffer[]): number {
    const indices = buffers.map((_, i) => (this.#nextDescriptor + i) % this.size);
    this.#nextDescriptor = (this.#nextDescriptor + buffers.length) % this.size;
    buffers.forEach((buffer, i) => {
      const isLast = i === buffers.length - 1;
      const flags = (isLast ? 0 : DESC_NEXT) | (buffer.isWritable ? DESC_WRITE : 0);
      this.writeDescriptor(indices[i]!, buffer.gpa, buffer.sizeBytes, flags, isLast ? 0 : indices[i + 1]!);
    });
    this.publish(indices[0]!);
    return indices[0]!;
  }

  /** Puts `head` into the available ring, whatever it is. */
  publish(head: number): void {
    this.memory.writeU16(this.availableGpa + 4 + 2 * (this.availableIndex % this.size), head);
    this.setAvailableIndex(this.availableIndex + 1);
  }

  setAvailableIndex(index: number): void {
    this.availableIndex = index & 0xffff;
    this.memory.writeU16(this.availableGpa + 2, this.availableIndex);
  }

  setAvailableFlags(flags: number): void {
    this.memory.writeU16(this.availableGpa, flags);
  }

  /** EVENT_IDX: interrupt me when the used index passes this. */
  setUsedEvent(index: number): void {
    this.memory.writeU16(this.availableGpa + 4 + 2 * this.size, index & 0xffff);
  }

  /** EVENT_IDX: the device wants to be notified when the available index passes this. */
  get availEvent(): number {
    return this.memory.readU16(this.usedGpa + 4 + 8 * this.size);
  }

  /** What the device has given back since the last call. */
  takeUsed(): UsedElement[] {
    const used: UsedElement[] = [];
    const deviceIndex = this.memory.readU16(this.usedGpa + 2);
    while (this.usedIndex !== deviceIndex) {
      const at = this.usedGpa + 4 + 8 * (this.usedIndex % this.size);
      used.push({ head: this.memory.readU32(at), writtenBytes: this.memory.readU32(at + 4) });
      this.usedIndex = (this.usedIndex + 1) & 0xffff;
    }
    return used;
  }
}
