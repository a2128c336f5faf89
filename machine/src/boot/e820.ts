// The memory map a kernel is told: Linux's e820 entries and PVH's map share types and content.

import { MMIO_HOLE_END, MMIO_HOLE_START } from "../memory/guest-memory.ts";
import { HIGH_MEMORY_START, SYSTEM_AREA_START } from "./memory-layout.ts";

const MemoryType = { Ram: 1, Reserved: 2 } as const;

export interface MemoryMapEntry {
  readonly gpa: number;
  readonly sizeBytes: number;
  readonly type: (typeof MemoryType)[keyof typeof MemoryType];
}

/** Map of a machine with `ramBytes` of RAM, lowest address first. */
export function memoryMap(ramBytes: number): MemoryMapEntry[] {
  const lowEnd = Math.min(ramBytes, MMIO_HOLE_START);
  const entries: MemoryMapEntry[] = [
    { gpa: 0, sizeBytes: SYSTEM_AREA_START, type: MemoryType.Ram },
    { gpa: SYSTEM_AREA_START, sizeBytes: HIGH_MEMORY_START - SYSTEM_AREA_START, type: MemoryType.Reserved },
    { gpa: HIGH_MEMORY_START, sizeBytes: lowEnd - HIGH_MEMORY_START, type: MemoryType.Ram },
  ];
  if (ramBytes > lowEnd)
    entries.push({ gpa: MMIO_HOLE_END, sizeBytes: ramBytes - lowEnd, type: MemoryType.Ram });
  return entries;
}
