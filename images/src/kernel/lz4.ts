// The "legacy" LZ4 format that kernels use (lz4_Frame_format.md, "Legacy frame"; lz4_Block_format.md): a magic number,
// then blocks with their compressed size in front, each giving up to 8 MiB.

const MAGIC = [0x02, 0x21, 0x4c, 0x18];
const BLOCK_BYTES = 8 * 1024 * 1024;
/** A match is at least this long. */
const MIN_MATCH = 4;
const MAX_NIBBLE = 15;
/** Up to this many bytes a loop is faster than a call. */
const SHORT = 48;

/** The data is not what it should be; `message` says what is wrong. */
export class Lz4Error extends Error {}

export function isLz4(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/** Decodes all of `input`, which must give at most `maxBytes`. Throws Lz4Error. */
export function decodeLz4(input: Uint8Array, maxBytes: number): Uint8Array {
  if (!isLz4(input)) throw new Lz4Error("no LZ4 header");
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const output = new Uint8Array(maxBytes);
  let at = MAGIC.length;
  let written = 0;
  while (at < input.length) {
    if (at + 4 > input.length) throw new Lz4Error("the data ends early");
    const end = at + 4 + view.getUint32(at, true);
    if (end > input.length) throw new Lz4Error("the data ends early");
    const limit = Math.min(maxBytes, written + BLOCK_BYTES);
    written = decodeBlock(input, at + 4, end, output, written, limit);
    at = end;
  }
  return output.subarray(0, written);
}

/** Sequences of literals and a match; the last has literals only. Gives the new end of the output. */
function decodeBlock(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  outputStart: number,
  outputLimit: number,
): number {
  const cursor = { at: start };
  let written = outputStart;
  while (cursor.at < end) {
    const token = input[cursor.at++] as number;
    const literals = readLength(input, cursor, end, token >> 4);
    if (cursor.at + literals > end || written + literals > outputLimit)
      throw new Lz4Error("the compressed data is damaged");
    if (literals > SHORT) output.set(input.subarray(cursor.at, cursor.at + literals), written);
    else for (let i = 0; i < literals; i++) output[written + i] = input[cursor.at + i] as number;
    cursor.at += literals;
    written += literals;
    if (cursor.at === end) return written;
    if (cursor.at + 2 > end) throw new Lz4Error("the data ends early");
    const distance = (input[cursor.at] as number) | ((input[cursor.at + 1] as number) << 8);
    cursor.at += 2;
    const length = MIN_MATCH + readLength(input, cursor, end, token & MAX_NIBBLE);
    const from = written - distance;
    if (distance === 0 || from < outputStart || written + length > outputLimit)
      throw new Lz4Error("the compressed data is damaged");
    copyMatch(output, from, written, length);
    written += length;
  }
  return written;
}

/** A nibble, and while bytes are 255, more. */
function readLength(input: Uint8Array, cursor: { at: number }, end: number, nibble: number): number {
  let length = nibble;
  if (nibble < MAX_NIBBLE) return length;
  for (;;) {
    if (cursor.at >= end) throw new Lz4Error("the data ends early");
    const byte = input[cursor.at++] as number;
    length += byte;
    if (byte !== 255) return length;
  }
}

/** The two ranges may overlap: then the bytes between them repeat. */
function copyMatch(bytes: Uint8Array, from: number, to: number, length: number): void {
  if (length > SHORT && to - from >= length) {
    bytes.copyWithin(to, from, from + length);
    return;
  }
  for (let i = 0; i < length; i++) bytes[to + i] = bytes[from + i] as number;
}
