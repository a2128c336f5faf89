// ELF kernels (System V ABI, 64-bit little-endian x86-64 executables): reads the program headers, finds the PVH entry
// note, copies loadable segments to their physical addresses. The file is the operator's: every problem has its code.

import { HearthError } from "../errors.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { HIGH_MEMORY_START } from "./memory-layout.ts";

const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const CLASS_64 = 2;
const DATA_LITTLE_ENDIAN = 1;
const MACHINE_X86_64 = 62;
const TYPE_EXECUTABLE = 2;
const TYPE_SHARED = 3;
const SEGMENT_LOAD = 1;
const SEGMENT_NOTE = 4;
/** XEN_ELFNOTE_PHYS32_ENTRY: the 32-bit PVH entry point. */
const NOTE_PVH_ENTRY = 18;
const NOTE_OWNER_XEN = "Xen";

const MACHINE_NAMES: Readonly<Record<number, string>> = {
  3: "32-bit x86",
  8: "MIPS",
  20: "32-bit PowerPC",
  21: "PowerPC",
  22: "IBM Z (s390x)",
  40: "32-bit Arm",
  183: "AArch64 (64-bit Arm)",
  243: "RISC-V",
  258: "LoongArch",
};

interface Segment {
  readonly type: number;
  readonly fileOffset: number;
  readonly fileBytes: number;
  readonly gpa: number;
  readonly memoryBytes: number;
}

export interface ElfKernel {
  /** Physical address of the 64-bit entry point. */
  readonly entry: number;
  /** Physical address of the 32-bit PVH entry point, when the kernel has one. */
  readonly pvhEntry: number | undefined;
  readonly segments: readonly Segment[];
}

export function isElf(image: Uint8Array): boolean {
  return image[0] === 0x7f && image[1] === 0x45 && image[2] === 0x4c && image[3] === 0x46;
}

/** Reads the headers. Throws HearthError `kernel.*`. */
export function parseElf(image: Uint8Array): ElfKernel {
  if (!isElf(image)) throw new HearthError("kernel.not-elf64", "The kernel is not an ELF file.");
  if (image.length < ELF_HEADER_BYTES) throw truncated(image.length, "its ELF header");
  const view = new DataView(image.buffer, image.byteOffset, image.length);
  checkHeader(image, view);
  const segments = readSegments(view);
  if (!segments.some((segment) => segment.type === SEGMENT_LOAD)) {
    throw new HearthError("kernel.not-elf64", "The kernel's ELF file has nothing to load.");
  }
  return { entry: readNumber(view, 24), pvhEntry: findPvhEntry(view, segments), segments };
}

/** Copies the kernel into RAM, with zeros where the file has none, and answers the first address after it. */
export function loadElf(memory: GuestMemory, image: Uint8Array, kernel: ElfKernel): number {
  let end = 0;
  for (const segment of kernel.segments) {
    if (segment.type !== SEGMENT_LOAD || segment.memoryBytes === 0) continue;
    if (segment.gpa < HIGH_MEMORY_START || !memory.contains(segment.gpa, segment.memoryBytes)) {
      throw outsideRam(segment.gpa, segment.memoryBytes, memory.ramBytes);
    }
    const target = memory.slice(segment.gpa, segment.memoryBytes);
    target.set(image.subarray(segment.fileOffset, segment.fileOffset + segment.fileBytes));
    target.fill(0, segment.fileBytes);
    end = Math.max(end, segment.gpa + segment.memoryBytes);
  }
  return end;
}

/** The error for a kernel part that does not fit where it wants to be. */
export function outsideRam(gpa: number, sizeBytes: number, ramBytes: number): HearthError {
  const mebibytes = (bytes: number): string => `${(bytes / 0x10_0000).toFixed(1)} MiB`;
  return new HearthError(
    "kernel.outside-ram",
    `The kernel needs memory at 0x${gpa.toString(16)} (${mebibytes(sizeBytes)}), outside the machine's ${mebibytes(ramBytes)} from 1 MiB up.`,
    { details: { gpa, sizeBytes, ramBytes } },
  );
}

function checkHeader(image: Uint8Array, view: DataView): void {
  const machine = view.getUint16(18, image[5] !== 2);
  if (image[4] !== CLASS_64) {
    const name = MACHINE_NAMES[machine] ?? `machine ${machine}`;
    throw new HearthError(
      "kernel.32-bit",
      `The kernel is a 32-bit ELF file (${name}); an x86-64 kernel is needed.`,
    );
  }
  if (machine !== MACHINE_X86_64 || image[5] !== DATA_LITTLE_ENDIAN)
    throw wrongArchitecture(MACHINE_NAMES[machine] ?? `ELF machine ${machine}`);
  const type = view.getUint16(16, true);
  if (type !== TYPE_EXECUTABLE && type !== TYPE_SHARED)
    throw new HearthError("kernel.not-elf64", "The kernel's ELF file is not an executable.");
  if (view.getUint16(54, true) !== PROGRAM_HEADER_BYTES)
    throw new HearthError("kernel.not-elf64", "The kernel's ELF program headers have an unknown size.");
}

/** The error for a kernel made for another processor. */
export function wrongArchitecture(name: string): HearthError {
  return new HearthError(
    "kernel.wrong-architecture",
    `The kernel is for ${name}; an x86-64 kernel is needed.`,
    {
      details: { architecture: name },
    },
  );
}

function readSegments(view: DataView): Segment[] {
  const tableOffset = readNumber(view, 32);
  const count = view.getUint16(56, true);
  if (tableOffset + count * PROGRAM_HEADER_BYTES > view.byteLength)
    throw truncated(view.byteLength, "its program headers");
  return Array.from({ length: count }, (_, i) => {
    const offset = tableOffset + i * PROGRAM_HEADER_BYTES;
    const segment = {
      type: view.getUint32(offset, true),
      fileOffset: readNumber(view, offset + 8),
      gpa: readNumber(view, offset + 24),
      fileBytes: readNumber(view, offset + 32),
      memoryBytes: readNumber(view, offset + 40),
    };
    const isUsed = segment.type === SEGMENT_LOAD || segment.type === SEGMENT_NOTE;
    if (isUsed && segment.fileOffset + segment.fileBytes > view.byteLength)
      throw truncated(view.byteLength, `segment ${i}`);
    if (segment.type === SEGMENT_LOAD && segment.fileBytes > segment.memoryBytes)
      throw new HearthError(
        "kernel.not-elf64",
        `Segment ${i} of the kernel's ELF file is larger in the file than in memory.`,
      );
    return segment;
  });
}

/** Walks the notes: name size, descriptor size, type, then both padded to 4 bytes. */
function findPvhEntry(view: DataView, segments: readonly Segment[]): number | undefined {
  for (const segment of segments) {
    if (segment.type !== SEGMENT_NOTE) continue;
    const end = segment.fileOffset + segment.fileBytes;
    let offset = segment.fileOffset;
    while (offset + 12 <= end) {
      const nameBytes = view.getUint32(offset, true);
      const dataBytes = view.getUint32(offset + 4, true);
      const type = view.getUint32(offset + 8, true);
      const name = offset + 12;
      const data = name + alignUp4(nameBytes);
      if (data + dataBytes > end) break;
      if (type === NOTE_PVH_ENTRY && dataBytes >= 4 && isXen(view, name, nameBytes))
        return view.getUint32(data, true);
      offset = data + alignUp4(dataBytes);
    }
  }
  return undefined;
}

function isXen(view: DataView, offset: number, sizeBytes: number): boolean {
  return (
    sizeBytes === NOTE_OWNER_XEN.length + 1 &&
    [...NOTE_OWNER_XEN].every((character, i) => view.getUint8(offset + i) === character.charCodeAt(0))
  );
}

function alignUp4(value: number): number {
  return Math.ceil(value / 4) * 4;
}

/** A 64-bit field as a number; values beyond exact integers become 2^53, which no file or RAM contains. */
function readNumber(view: DataView, offset: number): number {
  const value = view.getBigUint64(offset, true);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

/** The error for a kernel file that ends too early. */
export function truncated(sizeBytes: number, where: string): HearthError {
  return new HearthError(
    "kernel.truncated",
    `The kernel file is truncated: ${sizeBytes} bytes, ending inside ${where}.`,
  );
}
