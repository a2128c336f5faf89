// An address space with devices on ranges: guest-physical device memory, or the 64 Ki ports. The space finds the owner
// of an access, cuts accesses that run over the end of a range into bytes, and counts what nobody claims.

import type { AccessSize } from "../cpu/vcpu.ts";
import { assert } from "../errors.ts";

/** Called with an offset from the start of its range; never throws for anything a guest does. */
export interface BusDevice {
  readonly name: string;
  read(offset: number, size: AccessSize): number;
  write(offset: number, size: AccessSize, value: number): void;
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly device: BusDevice;
}

export class AddressSpace {
  readonly #name: string;
  readonly #unclaimedByte: number;
  readonly #ranges: Range[] = [];
  #latest: Range | undefined;
  /** Accesses that hit no device, since power-on. */
  unclaimedReads = 0;
  unclaimedWrites = 0;

  /** `unclaimedByte` is what each byte of a read reads as where there is no device. */
  constructor(name: string, unclaimedByte: 0 | 0xff) {
    this.#name = name;
    this.#unclaimedByte = unclaimedByte;
  }

  /** Puts `device` on [start, start + sizeBytes). Overlap with another device is a bug of the board's layout. */
  register(start: number, sizeBytes: number, device: BusDevice): void {
    assert(sizeBytes > 0, `${device.name}: empty range in the ${this.#name} space`);
    const end = start + sizeBytes;
    const index = this.#ranges.findIndex((range) => range.end > start);
    const next = index < 0 ? undefined : this.#ranges[index];
    assert(
      next === undefined || next.start >= end,
      `${device.name} overlaps ${next?.device.name} in ${this.#name}`,
    );
    this.#ranges.splice(index < 0 ? this.#ranges.length : index, 0, { start, end, device });
  }

  /** Name of the device at an address, for reports. */
  ownerOf(address: number): string | undefined {
    return this.#find(address)?.device.name;
  }

  read(address: number, size: AccessSize): number {
    const range = this.#find(address);
    if (range !== undefined && address + size <= range.end) {
      return range.device.read(address - range.start, size) >>> 0;
    }
    if (size > 1) return this.#readBytes(address, size);
    this.unclaimedReads++;
    return this.#unclaimedByte;
  }

  write(address: number, size: AccessSize, value: number): void {
    const range = this.#find(address);
    if (range !== undefined && address + size <= range.end) {
      range.device.write(address - range.start, size, value);
    } else if (size > 1) {
      for (let i = 0; i < size; i++) this.write(address + i, 1, (value >>> (8 * i)) & 0xff);
    } else this.unclaimedWrites++;
  }

  #readBytes(address: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.read(address + i, 1) << (8 * i);
    return value >>> 0;
  }

  #find(address: number): Range | undefined {
    const latest = this.#latest;
    if (latest !== undefined && address >= latest.start && address < latest.end) return latest;
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as Range).end > address) high = middle;
      else low = middle + 1;
    }
    const range = this.#ranges[low];
    if (range === undefined || address < range.start) return undefined;
    this.#latest = range;
    return range;
  }
}
