// PVH start information (Xen's hvm/start_info.h, version 1): start_info, module list and memory map.
//
//   start_info  0 magic  4 version  8 flags  12 modules  16 module list  24 command line  32 RSDP  40 map  48 entries

import type { GuestMemory } from "../memory/guest-memory.ts";
import { memoryMap } from "./e820.ts";
import type { PlacedInitrd } from "./initrd.ts";
import {
  COMMAND_LINE_GPA,
  PVH_MEMORY_MAP_GPA,
  PVH_MODULE_LIST_GPA,
  PVH_START_INFO_GPA,
  RSDP_GPA,
} from "./memory-layout.ts";

const MAGIC = 0x336e_c578;
const VERSION = 1;
const START_INFO_BYTES = 56;
const MODULE_BYTES = 32;
const MAP_ENTRY_BYTES = 24;

/** Writes the start information; command line, ACPI tables and initrd are in their places already. */
export function writePvhStartInfo(memory: GuestMemory, initrd: PlacedInitrd | undefined): void {
  const info = PVH_START_INFO_GPA;
  const map = memoryMap(memory.ramBytes);
  memory.slice(info, START_INFO_BYTES).fill(0);
  memory.writeU32(info, MAGIC);
  memory.writeU32(info + 4, VERSION);
  memory.writeU64(info + 24, BigInt(COMMAND_LINE_GPA));
  memory.writeU64(info + 32, BigInt(RSDP_GPA));
  memory.writeU64(info + 40, BigInt(PVH_MEMORY_MAP_GPA));
  memory.writeU32(info + 48, map.length);
  if (initrd !== undefined) {
    memory.writeU32(info + 12, 1);
    memory.writeU64(info + 16, BigInt(PVH_MODULE_LIST_GPA));
    memory.slice(PVH_MODULE_LIST_GPA, MODULE_BYTES).fill(0);
    memory.writeU64(PVH_MODULE_LIST_GPA, BigInt(initrd.gpa));
    memory.writeU64(PVH_MODULE_LIST_GPA + 8, BigInt(initrd.sizeBytes));
  }
  map.forEach((entry, i) => {
    const gpa = PVH_MEMORY_MAP_GPA + i * MAP_ENTRY_BYTES;
    memory.writeU64(gpa, BigInt(entry.gpa));
    memory.writeU64(gpa + 8, BigInt(entry.sizeBytes));
    memory.writeU32(gpa + 16, entry.type);
    memory.writeU32(gpa + 20, 0);
  });
}
