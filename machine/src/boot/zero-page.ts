// The Linux zero page, struct boot_params (Documentation/arch/x86/boot.rst, zero-page.rst): what the 64-bit protocol
// hands to the kernel in RSI.

import type { GuestMemory } from "../memory/guest-memory.ts";
import { memoryMap } from "./e820.ts";
import type { PlacedInitrd } from "./initrd.ts";
import { COMMAND_LINE_GPA, COMMAND_LINE_MAX_BYTES, RSDP_GPA, ZERO_PAGE_GPA } from "./memory-layout.ts";

const ZERO_PAGE_BYTES = 4096;
const OFFSET_ACPI_RSDP = 0x070;
const OFFSET_E820_COUNT = 0x1e8;
const OFFSET_E820_TABLE = 0x2d0;
const E820_ENTRY_BYTES = 20;

/** The setup header, the part a bzImage brings along. */
export const SETUP_HEADER_OFFSET = 0x1f1;
const OFFSET_BOOT_FLAG = 0x1fe;
const OFFSET_MAGIC = 0x202;
const OFFSET_LOADER_TYPE = 0x210;
const OFFSET_INITRD_GPA = 0x218;
const OFFSET_INITRD_BYTES = 0x21c;
const OFFSET_COMMAND_LINE = 0x228;
const OFFSET_KERNEL_ALIGNMENT = 0x230;
const OFFSET_COMMAND_LINE_BYTES = 0x238;

const BOOT_FLAG = 0xaa55;
const MAGIC_HDRS = 0x5372_6448;
const LOADER_UNDEFINED = 0xff;
const KERNEL_ALIGNMENT = 0x100_0000;

export interface ZeroPageOptions {
  /** Bytes from SETUP_HEADER_OFFSET on, from a bzImage; an ELF kernel has none. */
  readonly setupHeader?: Uint8Array;
  readonly initrd?: PlacedInitrd;
}

/** Writes the zero page; command line, ACPI tables and initrd are in their places already. */
export function writeZeroPage(memory: GuestMemory, options: ZeroPageOptions): void {
  memory.slice(ZERO_PAGE_GPA, ZERO_PAGE_BYTES).fill(0);
  if (options.setupHeader !== undefined)
    memory.write(ZERO_PAGE_GPA + SETUP_HEADER_OFFSET, options.setupHeader);
  else {
    memory.writeU16(ZERO_PAGE_GPA + OFFSET_BOOT_FLAG, BOOT_FLAG);
    memory.writeU32(ZERO_PAGE_GPA + OFFSET_MAGIC, MAGIC_HDRS);
    memory.writeU32(ZERO_PAGE_GPA + OFFSET_KERNEL_ALIGNMENT, KERNEL_ALIGNMENT);
    memory.writeU32(ZERO_PAGE_GPA + OFFSET_COMMAND_LINE_BYTES, COMMAND_LINE_MAX_BYTES - 1);
  }
  memory.writeU8(ZERO_PAGE_GPA + OFFSET_LOADER_TYPE, LOADER_UNDEFINED);
  memory.writeU32(ZERO_PAGE_GPA + OFFSET_COMMAND_LINE, COMMAND_LINE_GPA);
  memory.writeU32(ZERO_PAGE_GPA + OFFSET_INITRD_GPA, options.initrd?.gpa ?? 0);
  memory.writeU32(ZERO_PAGE_GPA + OFFSET_INITRD_BYTES, options.initrd?.sizeBytes ?? 0);
  memory.writeU64(ZERO_PAGE_GPA + OFFSET_ACPI_RSDP, BigInt(RSDP_GPA));
  writeE820(memory);
}

function writeE820(memory: GuestMemory): void {
  const entries = memoryMap(memory.ramBytes);
  memory.writeU8(ZERO_PAGE_GPA + OFFSET_E820_COUNT, entries.length);
  entries.forEach((entry, i) => {
    const gpa = ZERO_PAGE_GPA + OFFSET_E820_TABLE + i * E820_ENTRY_BYTES;
    memory.writeU64(gpa, BigInt(entry.gpa));
    memory.writeU64(gpa + 8, BigInt(entry.sizeBytes));
    memory.writeU32(gpa + 16, entry.type);
  });
}
