// bzImage kernels (Documentation/arch/x86/boot.rst): setup sectors, then protected-mode code with the 64-bit entry at
// +0x200, which decompresses the real kernel. Protocol 2.12 or newer. The compressed kernel inside can be found too, so
// that a host may decompress it at native speed and boot the ELF file.

import { HearthError } from "../errors.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { outsideRam, truncated } from "./elf.ts";
import { SETUP_HEADER_OFFSET } from "./zero-page.ts";

const SECTOR_BYTES = 512;
const OFFSET_SETUP_SECTORS = 0x1f1;
const OFFSET_CODE_PARAGRAPHS = 0x1f4;
const OFFSET_BOOT_FLAG = 0x1fe;
const OFFSET_JUMP_DISTANCE = 0x201;
const OFFSET_MAGIC = 0x202;
const OFFSET_VERSION = 0x206;
const OFFSET_INITRD_MAX = 0x22c;
const OFFSET_LOAD_FLAGS_64 = 0x236;
const OFFSET_PAYLOAD = 0x248;
const OFFSET_PAYLOAD_BYTES = 0x24c;
const OFFSET_PREFERRED_GPA = 0x258;
const OFFSET_INIT_BYTES = 0x260;
const HEADER_END = 0x268;

const BOOT_FLAG = 0xaa55;
const MAGIC_HDRS = 0x5372_6448;
const MIN_VERSION = 0x020c;
/** xloadflags: there is a 64-bit entry at +0x200. */
const LOAD_FLAG_KERNEL_64 = 1;
const ENTRY_64_OFFSET = 0x200;

/** Compression of the kernel inside a bzImage, by the first bytes of its payload (boot.rst, payload_offset). */
export type PayloadFormat = "gzip" | "bzip2" | "lzma" | "xz" | "lzo" | "lz4" | "zstd" | "elf" | "unknown";

const PAYLOAD_MAGIC: readonly (readonly [PayloadFormat, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["gzip", [0x1f, 0x9e]],
  ["bzip2", [0x42, 0x5a]],
  ["lzma", [0x5d, 0x00]],
  ["xz", [0xfd, 0x37]],
  ["lzo", [0x89, 0x4c]],
  ["lz4", [0x02, 0x21]],
  ["zstd", [0x28, 0xb5]],
  ["elf", [0x7f, 0x45]],
];

export interface BzImage {
  /** Bytes from SETUP_HEADER_OFFSET to the end of the header, for the zero page. */
  readonly setupHeader: Uint8Array;
  readonly code: Uint8Array;
  readonly loadGpa: number;
  /** RAM needed from `loadGpa` while the kernel unpacks itself. */
  readonly initBytes: number;
  readonly entry: number;
  /** First address an initrd may not touch. */
  readonly initrdLimit: number;
  /** The compressed kernel: a part of the image, not a copy. */
  readonly payload: { readonly format: PayloadFormat; readonly bytes: Uint8Array };
}

export function isBzImage(image: Uint8Array): boolean {
  if (image.length < OFFSET_VERSION) return false;
  const view = new DataView(image.buffer, image.byteOffset, image.length);
  return (
    view.getUint16(OFFSET_BOOT_FLAG, true) === BOOT_FLAG && view.getUint32(OFFSET_MAGIC, true) === MAGIC_HDRS
  );
}

/** Reads the setup header. Throws HearthError `kernel.*`. */
export function parseBzImage(image: Uint8Array): BzImage {
  if (image.length < HEADER_END) throw truncated(image.length, "its setup header");
  const view = new DataView(image.buffer, image.byteOffset, image.length);
  checkVersion(view);
  const setupBytes = ((image[OFFSET_SETUP_SECTORS] || 4) + 1) * SECTOR_BYTES;
  const codeBytes = view.getUint32(OFFSET_CODE_PARAGRAPHS, true) * 16;
  if (codeBytes === 0 || setupBytes + codeBytes > image.length)
    throw truncated(image.length, "its compressed code");
  const code = image.subarray(setupBytes, setupBytes + codeBytes);
  const loadGpa = Number(view.getBigUint64(OFFSET_PREFERRED_GPA, true));
  const headerEnd = Math.min(OFFSET_MAGIC + (image[OFFSET_JUMP_DISTANCE] as number), setupBytes);
  return {
    setupHeader: image.subarray(SETUP_HEADER_OFFSET, headerEnd),
    code,
    loadGpa,
    initBytes: view.getUint32(OFFSET_INIT_BYTES, true),
    entry: loadGpa + ENTRY_64_OFFSET,
    initrdLimit: view.getUint32(OFFSET_INITRD_MAX, true) + 1,
    payload: findPayload(view, code),
  };
}

/** Copies the code into RAM and answers the first address after all the kernel will use while it unpacks. */
export function loadBzImage(memory: GuestMemory, kernel: BzImage): number {
  const sizeBytes = Math.max(kernel.initBytes, kernel.code.length);
  if (kernel.loadGpa < 0x10_0000 || !memory.contains(kernel.loadGpa, sizeBytes))
    throw outsideRam(kernel.loadGpa, sizeBytes, memory.ramBytes);
  memory.write(kernel.loadGpa, kernel.code);
  return kernel.loadGpa + sizeBytes;
}

function checkVersion(view: DataView): void {
  const version = view.getUint16(OFFSET_VERSION, true);
  if (version < MIN_VERSION) {
    const text = `${version >>> 8}.${version & 0xff}`;
    throw new HearthError(
      "kernel.too-old",
      `The kernel's boot protocol is ${text}; 2.12 or newer is needed (Linux 3.8, built for x86-64).`,
    );
  }
  if ((view.getUint16(OFFSET_LOAD_FLAGS_64, true) & LOAD_FLAG_KERNEL_64) === 0)
    throw new HearthError("kernel.32-bit", "The kernel is a 32-bit bzImage; an x86-64 kernel is needed.");
}

function findPayload(view: DataView, code: Uint8Array): BzImage["payload"] {
  const offset = view.getUint32(OFFSET_PAYLOAD, true);
  const bytes = code.subarray(offset, offset + view.getUint32(OFFSET_PAYLOAD_BYTES, true));
  const match = PAYLOAD_MAGIC.find(([, magic]) => magic.every((byte, i) => bytes[i] === byte));
  return { format: match?.[0] ?? "unknown", bytes };
}
