// Hands out pieces of guest memory to a mock driver, from the bottom up. There is no free: tests are short.

import type { GuestMemory } from "@hearth/machine";
import type { MockBuffer } from "./mock-queue.ts";

/** A bump allocator over RAM. */
export class GuestArena {
  readonly memory: GuestMemory;
  #next = 0x1000;

  constructor(memory: GuestMemory) {
    this.memory = memory;
  }

  /** Guest-physical address of `sizeBytes` fresh bytes. */
  take(sizeBytes: number, alignment = 16): number {
    const gpa = Math.ceil(this.#next / alignment) * alignment;
    if (!this.memory.contains(gpa, sizeBytes)) throw new Error("the mock driver has run out of guest memory");
    this.#next = gpa + sizeBytes;
    return gpa;
  }

  /** A device-readable buffer that holds `bytes`. */
  readable(bytes: Uint8Array): MockBuffer {
    const gpa = this.take(bytes.length);
    this.memory.write(gpa, bytes);
    return { gpa, sizeBytes: bytes.length, isWritable: false };
  }

  /** A device-writable buffer, filled with `fill` so that a test sees what was touched. */
  writable(sizeBytes: number, fill = 0xee): MockBuffer {
    const gpa = this.take(sizeBytes);
    this.memory.slice(gpa, sizeBytes).fill(fill);
    return { gpa, sizeBytes, isWritable: true };
  }

  /** A copy of what a buffer holds now. */
  contentOf(buffer: MockBuffer): Uint8Array {
    return this.memory.slice(buffer.gpa, buffer.sizeBytes).slice();
  }
}
