// A device's configuration space as bytes (virtio 1.2 §2.5): little-endian fields the driver reads in any width.

import type { AccessSize } from "../cpu/vcpu.ts";

/** Little-endian value of `size` bytes at `offset`; bytes beyond the end of the space read as 0. */
export function readConfigBytes(config: DataView, offset: number, size: AccessSize): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) {
    const at = offset + i;
    value = value * 256 + (at < config.byteLength ? config.getUint8(at) : 0);
  }
  return value;
}
