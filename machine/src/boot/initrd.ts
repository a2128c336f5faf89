// The initial RAM disk: page-aligned at the top of the first RAM region, above the kernel.

import { HearthError } from "../errors.ts";
import { type GuestMemory, MMIO_HOLE_START, PAGE_SIZE } from "../memory/guest-memory.ts";

export interface PlacedInitrd {
  readonly gpa: number;
  readonly sizeBytes: number;
}

/**
 * Copies `initrd` into RAM, wholly below `limit` (the kernel's own wish) and not below `kernelEnd`.
 * Throws HearthError `initrd.too-large` or `initrd.empty`.
 */
export function loadInitrd(
  memory: GuestMemory,
  initrd: Uint8Array,
  kernelEnd: number,
  limit: number,
): PlacedInitrd {
  if (initrd.length === 0) throw new HearthError("initrd.empty", "The initrd is empty.");
  const top = Math.min(memory.ramBytes, MMIO_HOLE_START, limit);
  const gpa = Math.floor((top - initrd.length) / PAGE_SIZE) * PAGE_SIZE;
  if (gpa < kernelEnd) {
    const mebibytes = (bytes: number): string => `${(bytes / 0x10_0000).toFixed(1)} MiB`;
    throw new HearthError(
      "initrd.too-large",
      `The initrd (${mebibytes(initrd.length)}) does not fit beside the kernel in ${mebibytes(memory.ramBytes)} of memory.`,
      { details: { initrdBytes: initrd.length, freeBytes: Math.max(0, top - kernelEnd) } },
    );
  }
  memory.write(gpa, initrd);
  return { gpa, sizeBytes: initrd.length };
}
