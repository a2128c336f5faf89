// The .xz container (public xz file format 1.1): stream header, blocks of LZMA2 with an optional x86 filter, checks.
// One stream, which is what kernels use; the index at the end is not needed to decode and is not read.

import { crc32 } from "node:zlib";
import { LzmaDecoder } from "./lzma-decoder.ts";
import { undoX86Filter } from "./x86-filter.ts";

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const CHECK_SIZES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const CHECK_CRC32 = 1;
const FILTER_X86 = 0x04n;
const FILTER_LZMA2 = 0x21n;

/** The data is not an .xz stream this decoder understands, or it is damaged; `message` says what is wrong. */
export class XzError extends Error {}

export function isXz(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/** Decodes the first stream in `input`, which must give at most `maxBytes`. Throws XzError. */
export function decodeXz(input: Uint8Array, maxBytes: number): Uint8Array {
  if (!isXz(input) || input.length < 12) throw new XzError("no .xz header");
  if (crc32(input.subarray(6, 8)) !== readU32(input, 8)) throw new XzError("the stream header is damaged");
  const checkType = (input[7] as number) & 15;
  const output = new Uint8Array(maxBytes);
  let position = 12;
  let written = 0;
  while (input[position] !== 0) {
    const header = readBlockHeader(input, position);
    const block = decodeLzma2(input, header.dataStart, output, written);
    if (header.hasX86Filter) undoX86Filter(output, written, block.written);
    const checkStart = Math.ceil((block.position - position) / 4) * 4 + position;
    const data = output.subarray(written, block.written);
    if (checkType === CHECK_CRC32 && crc32(data) !== readU32(input, checkStart))
      throw new XzError("the checksum does not match");
    position = checkStart + (CHECK_SIZES[checkType] as number);
    written = block.written;
    if (position >= input.length) throw new XzError("the stream ends early");
  }
  return output.subarray(0, written);
}

function readU32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw new XzError("the stream ends early");
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}

interface BlockHeader {
  readonly dataStart: number;
  readonly hasX86Filter: boolean;
}

function readBlockHeader(input: Uint8Array, start: number): BlockHeader {
  const sizeByte = input[start];
  if (sizeByte === undefined) throw new XzError("the stream ends early");
  const sizeBytes = (sizeByte + 1) * 4;
  const crcAt = start + sizeBytes - 4;
  if (crc32(input.subarray(start, crcAt)) !== readU32(input, crcAt))
    throw new XzError("a block header is damaged");
  const flags = input[start + 1] as number;
  const cursor = { at: start + 2 };
  if (flags & 0x40) readVarint(input, cursor);
  if (flags & 0x80) readVarint(input, cursor);
  const filters: bigint[] = [];
  for (let i = 0; i <= (flags & 3); i++) {
    filters.push(readVarint(input, cursor));
    const propertyBytes = Number(readVarint(input, cursor));
    if (filters[i] === FILTER_X86 && propertyBytes !== 0) throw new XzError("an x86 filter with an offset");
    cursor.at += propertyBytes;
    if (cursor.at > crcAt) throw new XzError("a block header is damaged");
  }
  const isPlain = filters.length === 1 && filters[0] === FILTER_LZMA2;
  const isFiltered = filters.length === 2 && filters[0] === FILTER_X86 && filters[1] === FILTER_LZMA2;
  if (!isPlain && !isFiltered) throw new XzError(`filters ${filters.join(", ")} are not known here`);
  return { dataStart: start + sizeBytes, hasX86Filter: isFiltered };
}

/** Seven bits a byte, least significant first, at most nine bytes. */
function readVarint(input: Uint8Array, cursor: { at: number }): bigint {
  let value = 0n;
  for (let i = 0; i < 9; i++) {
    const byte = input[cursor.at++];
    if (byte === undefined) throw new XzError("the stream ends early");
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return value;
  }
  throw new XzError("a number in a block header is too long");
}

/** Control bytes: 0 ends, 1 and 2 raw chunks (1 resets the dictionary), from 0x80 LZMA with bits 5 and 6 = what is reset. */
function decodeLzma2(input: Uint8Array, start: number, output: Uint8Array, written: number) {
  const decoder = new LzmaDecoder(input, output);
  decoder.position = written;
  decoder.resetDictionary();
  let at = start;
  for (;;) {
    const control = input[at];
    if (control === undefined) throw new XzError("the stream ends early");
    if (control === 0) return { position: at + 1, written: decoder.position };
    const sizeLow = readU16Be(input, at + 1) + 1;
    if (control < 0x80) {
      if (control > 2) throw new XzError("an unknown kind of chunk");
      if (control === 1) decoder.resetDictionary();
      copyRaw(input, at + 3, sizeLow, output, decoder);
      at += 3 + sizeLow;
      continue;
    }
    const outputBytes = ((control & 0x1f) << 16) + sizeLow;
    const inputBytes = readU16Be(input, at + 3) + 1;
    const resets = (control >> 5) & 3;
    const dataStart = at + (resets >= 2 ? 6 : 5);
    if (resets === 3) decoder.resetDictionary();
    if (resets >= 1) decoder.resetState();
    if (resets >= 2 && !decoder.setProperties(input[at + 5] ?? 255))
      throw new XzError("properties out of range");
    if (dataStart + inputBytes > input.length) throw new XzError("the stream ends early");
    if (!decoder.decodeChunk(dataStart, inputBytes, outputBytes))
      throw new XzError("the compressed data is damaged");
    at = dataStart + inputBytes;
  }
}

function copyRaw(
  input: Uint8Array,
  from: number,
  sizeBytes: number,
  output: Uint8Array,
  decoder: LzmaDecoder,
): void {
  if (from + sizeBytes > input.length) throw new XzError("the stream ends early");
  if (decoder.position + sizeBytes > output.length) throw new XzError("more data than announced");
  output.set(input.subarray(from, from + sizeBytes), decoder.position);
  decoder.position += sizeBytes;
}

function readU16Be(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
