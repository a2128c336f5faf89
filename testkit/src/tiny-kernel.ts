// The smallest files that pass for kernels: an ELF with one segment, and a bzImage around nothing.

export interface TinyElfOptions {
  readonly gpa?: number;
  readonly memoryBytes?: number;
  readonly code?: Uint8Array;
  /** Adds the note with this 32-bit entry point. */
  readonly pvhEntry?: number;
}

const HEADERS_BYTES = 64 + 2 * 56;
const NOTE_BYTES = 20;

/** An x86-64 ELF executable: headers, the PVH note, then one loadable segment with `code`. */
export function tinyElf(options: TinyElfOptions = {}): Uint8Array {
  const { gpa = 0x100_0000, code = Uint8Array.of(0xf4), pvhEntry } = options;
  const codeOffset = HEADERS_BYTES + NOTE_BYTES;
  const image = new Uint8Array(codeOffset + code.length);
  const view = new DataView(image.buffer);
  image.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setBigUint64(24, BigInt(gpa), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, pvhEntry === undefined ? 1 : 2, true);
  writeSegment(view, 64, 1, codeOffset, gpa, code.length, options.memoryBytes ?? code.length);
  image.set(code, codeOffset);
  if (pvhEntry !== undefined) {
    writeSegment(view, 64 + 56, 4, HEADERS_BYTES, 0, NOTE_BYTES, NOTE_BYTES);
    view.setUint32(HEADERS_BYTES, 4, true);
    view.setUint32(HEADERS_BYTES + 4, 4, true);
    view.setUint32(HEADERS_BYTES + 8, 18, true);
    image.set([0x58, 0x65, 0x6e, 0], HEADERS_BYTES + 12);
    view.setUint32(HEADERS_BYTES + 16, pvhEntry, true);
  }
  return image;
}

function writeSegment(
  view: DataView,
  at: number,
  type: number,
  fileOffset: number,
  gpa: number,
  fileBytes: number,
  memoryBytes: number,
): void {
  view.setUint32(at, type, true);
  view.setBigUint64(at + 8, BigInt(fileOffset), true);
  view.setBigUint64(at + 24, BigInt(gpa), true);
  view.setBigUint64(at + 32, BigInt(fileBytes), true);
  view.setBigUint64(at + 40, BigInt(memoryBytes), true);
}

/** A bzImage of protocol 2.15 with one setup sector and 4 KiB of code that ends in `payload`. */
export function tinyBzImage(payload: Uint8Array = Uint8Array.of(0x1f, 0x8b)): Uint8Array {
  const codeBytes = 4096;
  const image = new Uint8Array(1024 + codeBytes);
  const view = new DataView(image.buffer);
  image[0x1f1] = 1;
  view.setUint32(0x1f4, codeBytes / 16, true);
  view.setUint16(0x1fe, 0xaa55, true);
  image.set([0xeb, 0x6a], 0x200);
  image.set([0x48, 0x64, 0x72, 0x53], 0x202);
  view.setUint16(0x206, 0x020f, true);
  view.setUint32(0x22c, 0x7fff_ffff, true);
  view.setUint16(0x236, 1, true);
  view.setUint32(0x248, codeBytes - payload.length, true);
  view.setUint32(0x24c, payload.length, true);
  view.setBigUint64(0x258, 0x100_0000n, true);
  view.setUint32(0x260, 0x1_0000, true);
  image.set(payload, 1024 + codeBytes - payload.length);
  return image;
}
