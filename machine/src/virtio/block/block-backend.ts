// What stands behind a virtio block device: bytes by position. Implementations live elsewhere (files, overlays); the
// memory one here serves tests and throw-away disks.

import type { HearthError } from "../../errors.ts";

/** Reports the end of one operation. With an error the data is undefined and the guest sees an I/O error. */
export type BlockDone = (error?: HearthError | Error) => void;

/**
 * A disk. Operations may end at once (inside the call) or later, in any order; the same buffer is not touched by the
 * device until `done` was called, which happens exactly once. Positions and sizes are in bytes, multiples of 512 and
 * inside the disk. Several operations may be under way; overlapping ones may take effect in any order.
 */
export interface BlockBackend {
  /** A multiple of 512. */
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  /** At most 20 bytes of ASCII: what the guest sees as the serial number. */
  readonly serial: string;
  read(position: number, target: Uint8Array, done: BlockDone): void;
  write(position: number, source: Uint8Array, done: BlockDone): void;
  /** Ends when every write that had ended before the call is on stable storage. */
  flush(done: BlockDone): void;
  /** Present when the back end can give space up; what is read there afterwards is unspecified. */
  readonly discard?: (position: number, sizeBytes: number, done: BlockDone) => void;
  /** Present when writing zeroes can be done better than by `write`. */
  readonly writeZeroes?: (position: number, sizeBytes: number, done: BlockDone) => void;
}

/** A disk that is a byte array. Every operation ends inside the call. */
export class MemoryBlockBackend implements BlockBackend {
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  readonly serial: string;
  readonly bytes: Uint8Array;

  /** `bytes` is used, not copied; a tail that is no whole sector stays invisible. */
  constructor(bytes: Uint8Array, options: { isReadOnly?: boolean; serial?: string } = {}) {
    this.bytes = bytes;
    this.sizeBytes = bytes.length - (bytes.length % 512);
    this.isReadOnly = options.isReadOnly ?? false;
    this.serial = options.serial ?? "memory";
  }

  read(position: number, target: Uint8Array, done: BlockDone): void {
    target.set(this.bytes.subarray(position, position + target.length));
    done();
  }

  write(position: number, source: Uint8Array, done: BlockDone): void {
    this.bytes.set(source, position);
    done();
  }

  flush(done: BlockDone): void {
    done();
  }
}
