// The x86 boot image wrapped around a compressed kernel (Linux Documentation/arch/x86/boot.rst). Only the fields that
// lead to the compressed ELF inside are read; booting the wrapper itself is the machine's affair (machine/src/boot).

import { HearthError } from "@hearth/machine/errors";

const Offset = {
  setupSectors: 0x1f1,
  protectedModeParagraphs: 0x1f4,
  magic: 0x202,
  version: 0x206,
  loadFlags64: 0x236,
  payloadOffset: 0x248,
  payloadLength: 0x24c,
} as const;
const MAGIC_HDRS = 0x5372_6448;
const SECTOR_BYTES = 512;
/** Protocol 2.08 brought payload_offset; 2.12 brought xloadflags. */
const VERSION_PAYLOAD = 0x208;
const VERSION_LOAD_FLAGS = 0x20c;
const LOAD_FLAG_64_BIT = 1;

/** Where the compressed kernel lies in the file. */
export interface BzImagePayload {
  readonly offset: number;
  readonly sizeBytes: number;
}

export function isBzImage(file: Uint8Array): boolean {
  return file.length >= 0x250 && viewOf(file).getUint32(Offset.magic, true) === MAGIC_HDRS;
}

/**
 * Checks the header of a bzImage and finds its payload; undefined where the protocol is too old to say.
 * Throws HearthError kernel.truncated or kernel.32-bit. `source` names the file in messages.
 */
export function findPayload(file: Uint8Array, source: string): BzImagePayload | undefined {
  const view = viewOf(file);
  const version = view.getUint16(Offset.version, true);
  const setupBytes = ((file[Offset.setupSectors] || 4) + 1) * SECTOR_BYTES;
  const imageBytes = setupBytes + view.getUint32(Offset.protectedModeParagraphs, true) * 16;
  // The last paragraph may be partly there.
  if (file.length < imageBytes - 15) throw truncated(source, imageBytes, file.length);
  if (version >= VERSION_LOAD_FLAGS && !(view.getUint16(Offset.loadFlags64, true) & LOAD_FLAG_64_BIT))
    throw new HearthError(
      "kernel.32-bit",
      `${source} is a 32-bit kernel; Hearth boots 64-bit x86 kernels (CONFIG_64BIT=y).`,
    );
  if (version < VERSION_PAYLOAD) return undefined;
  const offset = setupBytes + view.getUint32(Offset.payloadOffset, true);
  const sizeBytes = view.getUint32(Offset.payloadLength, true);
  if (sizeBytes === 0) return undefined;
  if (offset + sizeBytes > file.length) throw truncated(source, offset + sizeBytes, file.length);
  return { offset, sizeBytes };
}

function truncated(source: string, expectedBytes: number, actualBytes: number): HearthError {
  return new HearthError(
    "kernel.truncated",
    `${source} is truncated: its header announces ${expectedBytes} bytes, the file has ${actualBytes}.`,
    { details: { expectedBytes, actualBytes } },
  );
}

function viewOf(file: Uint8Array): DataView {
  return new DataView(file.buffer, file.byteOffset, file.byteLength);
}
