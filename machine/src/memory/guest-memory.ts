// Guest-physical RAM: one buffer, laid out as Firecracker does on x86-64: RAM from 0 up to 3 GiB, a hole for devices
// from 3 to 4 GiB, the rest of RAM from 4 GiB up. The buffer is the engine's memory; RAM starts at `ramOffset` in it.

import { HearthError, assert } from "../errors.ts";

/** Start and end of the hole below 4 GiB that belongs to devices. */
export const MMIO_HOLE_START = 0xc000_0000;
export const MMIO_HOLE_END = 0x1_0000_0000;
export const PAGE_SIZE = 4096;

export interface RamRegion {
  /** First guest-physical address. */
  readonly gpa: number;
  readonly sizeBytes: number;
  /** Where the region starts in the buffer. */
  readonly offset: number;
}

/**
 * A machine's RAM. Accessors take guest-physical addresses; `contains` must be asked first for any address a guest gave.
 * An access outside RAM is our bug and asserts.
 */
export class GuestMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  readonly ramOffset: number;
  readonly ramBytes: number;
  readonly regions: readonly RamRegion[];
  /** The whole buffer; index with `offsetOf`. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /**
   * Told where a device has written, after the fact: whoever keeps something derived from RAM (translated code, dirty
   * pages) sets it. `offset` is into the buffer.
   */
  onDeviceWrite: ((offset: number, sizeBytes: number) => void) | undefined;

  constructor(buffer: ArrayBuffer | SharedArrayBuffer, ramOffset: number, ramBytes: number) {
    if (ramBytes <= 0 || ramBytes % PAGE_SIZE !== 0)
      throw new HearthError(
        "memory.size",
        `RAM size ${ramBytes} is not a positive multiple of ${PAGE_SIZE} bytes.`,
      );
    assert(ramOffset % PAGE_SIZE === 0, "RAM must start page-aligned in its buffer");
    assert(buffer.byteLength >= ramOffset + ramBytes, "buffer smaller than the RAM it should hold");
    this.buffer = buffer;
    this.ramOffset = ramOffset;
    this.ramBytes = ramBytes;
    this.regions = layOutRam(ramOffset, ramBytes);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Offset in the buffer of `gpa`, or -1 when [gpa, gpa + sizeBytes) is not wholly inside one RAM region. */
  offsetOf(gpa: number, sizeBytes: number): number {
    for (const region of this.regions) {
      const inside = gpa - region.gpa;
      if (inside >= 0 && sizeBytes >= 0 && inside + sizeBytes <= region.sizeBytes)
        return region.offset + inside;
    }
    return -1;
  }

  contains(gpa: number, sizeBytes: number): boolean {
    return this.offsetOf(gpa, sizeBytes) >= 0;
  }

  /** A view of [gpa, gpa + sizeBytes), not a copy. */
  slice(gpa: number, sizeBytes: number): Uint8Array {
    const offset = this.#checkedOffset(gpa, sizeBytes);
    return this.bytes.subarray(offset, offset + sizeBytes);
  }

  readU8(gpa: number): number {
    return this.view.getUint8(this.#checkedOffset(gpa, 1));
  }

  readU16(gpa: number): number {
    return this.view.getUint16(this.#checkedOffset(gpa, 2), true);
  }

  readU32(gpa: number): number {
    return this.view.getUint32(this.#checkedOffset(gpa, 4), true);
  }

  readU64(gpa: number): bigint {
    return this.view.getBigUint64(this.#checkedOffset(gpa, 8), true);
  }

  writeU8(gpa: number, value: number): void {
    this.view.setUint8(this.#checkedOffset(gpa, 1), value);
  }

  writeU16(gpa: number, value: number): void {
    this.view.setUint16(this.#checkedOffset(gpa, 2), value, true);
  }

  writeU32(gpa: number, value: number): void {
    this.view.setUint32(this.#checkedOffset(gpa, 4), value, true);
  }

  writeU64(gpa: number, value: bigint): void {
    this.view.setBigUint64(this.#checkedOffset(gpa, 8), value, true);
  }

  write(gpa: number, source: Uint8Array): void {
    this.bytes.set(source, this.#checkedOffset(gpa, source.length));
  }

  /** Devices call this after writing to RAM behind the vCPU's back. */
  noteDeviceWrite(offset: number, sizeBytes: number): void {
    this.onDeviceWrite?.(offset, sizeBytes);
  }

  #checkedOffset(gpa: number, sizeBytes: number): number {
    const offset = this.offsetOf(gpa, sizeBytes);
    assert(offset >= 0, `guest-physical 0x${gpa.toString(16)}+${sizeBytes} is not RAM`);
    return offset;
  }
}

function layOutRam(ramOffset: number, ramBytes: number): RamRegion[] {
  const lowBytes = Math.min(ramBytes, MMIO_HOLE_START);
  const low = { gpa: 0, sizeBytes: lowBytes, offset: ramOffset };
  if (ramBytes === lowBytes) return [low];
  return [low, { gpa: MMIO_HOLE_END, sizeBytes: ramBytes - lowBytes, offset: ramOffset + lowBytes }];
}
