// What a device that lives in guest-physical address space looks like to the MMIO bus. The bus finds the device by
// address, splits wide accesses, and calls it with an offset from the start of its window.

import type { AccessSize } from "../cpu/vcpu.ts";

/** A device in the MMIO space. Guests may do anything to it: no call throws. Values are unsigned 32-bit integers. */
export interface MmioDevice {
  /** For traces and messages, for example "virtio-block". */
  readonly name: string;
  /** `offset` is below the size of the window the device was placed at; `offset` need not be a multiple of `size`. */
  readMmio(offset: number, size: AccessSize): number;
  writeMmio(offset: number, size: AccessSize, value: number): void;
  /** Back to the power-on state. */
  reset(): void;
}
