// Turns accesses of any size and alignment into whole-register accesses, so that no chip does it by hand.
// Two register widths exist on the board: bytes behind ports, 32-bit registers behind device memory.

import type { AccessSize } from "../cpu/vcpu.ts";
import type { BusDevice } from "./address-space.ts";
import type { MmioDevice } from "./mmio-device.ts";

/** A chip made of 8-bit registers. */
export interface ByteRegisters {
  readonly name: string;
  readRegister(offset: number): number;
  writeRegister(offset: number, value: number): void;
}

/** A chip made of 32-bit registers; `offset` is always a multiple of 4. */
export interface WordRegisters {
  readonly name: string;
  readRegister(offset: number): number;
  /** `lanes` has 0xff in each byte that was written; it is 0xffff_ffff for a whole-register write. */
  writeRegister(offset: number, value: number, lanes: number): void;
}

/** Wider port accesses touch the following byte registers, lowest address first, as the ISA bus does. */
export function onByteRegisters(chip: ByteRegisters): BusDevice {
  return {
    name: chip.name,
    read(offset, size) {
      let value = 0;
      for (let i = 0; i < size; i++) value |= (chip.readRegister(offset + i) & 0xff) << (8 * i);
      return value >>> 0;
    },
    write(offset, size, value) {
      for (let i = 0; i < size; i++) chip.writeRegister(offset + i, (value >>> (8 * i)) & 0xff);
    },
  };
}

/** Narrow reads take their bytes out of a whole-register read; an access over two registers becomes one on each. */
export function onWordRegisters(chip: WordRegisters): BusDevice {
  return {
    name: chip.name,
    read(offset, size) {
      const shift = (offset & 3) * 8;
      const first = chip.readRegister(offset & ~3);
      if (shift === 0 && size === 4) return first >>> 0;
      const low = first >>> shift;
      const isStraddling = shift + size * 8 > 32;
      const high = isStraddling ? chip.readRegister((offset & ~3) + 4) << (32 - shift) : 0;
      return ((low | high) & sizeMask(size)) >>> 0;
    },
    write(offset, size, value) {
      const shift = (offset & 3) * 8;
      const lanes = sizeMask(size);
      chip.writeRegister(offset & ~3, (value << shift) >>> 0, (lanes << shift) >>> 0);
      if (shift + size * 8 <= 32) return;
      chip.writeRegister((offset & ~3) + 4, value >>> (32 - shift), lanes >>> (32 - shift));
    },
  };
}

/** An MMIO device as the bus sees it. */
export function onMmioDevice(device: MmioDevice): BusDevice {
  return {
    name: device.name,
    read: (offset, size) => device.readMmio(offset, size),
    write: (offset, size, value) => device.writeMmio(offset, size, value),
  };
}

function sizeMask(size: AccessSize): number {
  return size === 4 ? 0xffff_ffff : (1 << (size * 8)) - 1;
}
