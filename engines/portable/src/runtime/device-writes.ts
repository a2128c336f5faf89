// Devices write guest RAM behind the processor's back. Where they do, translated code of those pages is dropped.

import type { GuestMemory } from "@hearth/machine";
import { PAGE_BLOCKS_BASE, RAM_BASE } from "../layout.ts";

/** Calls `invalidate` with the number of each RAM page that holds translated code and is written by a device. */
export function watchDeviceWrites(memory: GuestMemory, invalidate: (page: number) => void): void {
  const heads = new Uint32Array(memory.buffer, PAGE_BLOCKS_BASE, Math.ceil(memory.ramBytes / 4096));
  memory.onDeviceWrite = (offset, sizeBytes) => {
    const first = (offset - RAM_BASE) >>> 12;
    const last = (offset + sizeBytes - 1 - RAM_BASE) >>> 12;
    for (let page = first; page <= last; page++) if (heads[page] !== 0) invalidate(page);
  };
}
