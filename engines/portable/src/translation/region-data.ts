// A region as bytes, to be kept with its translation: a header of words, then its parts, each padded to 4 bytes.
//
//   0 bytes of all   4 digest   8 mode   12 micro-ops   16 pages   20 nodes (words)   24 bytes of code   28 bytes of the label

import { UOP_SIZE } from "../layout.ts";
import type { HotRegion } from "./translator.ts";

const HEADER_WORDS = 8;
const padded = (bytes: number): number => (bytes + 3) & ~3;

export function packRegion({ image, code, mode, digest, label }: HotRegion): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(label);
  const { uops, places, pages, nodes } = image;
  const parts = [uops, places, pages, nodes, code, name];
  const total = parts.reduce((sum, { byteLength }) => sum + padded(byteLength), HEADER_WORDS * 4);
  const bytes = new Uint8Array(total);
  const counts = [places.length, pages.length, nodes.length, code.length, name.length];
  new Uint32Array(bytes.buffer, 0, HEADER_WORDS).set([total, digest, mode, ...counts]);
  let at = HEADER_WORDS * 4;
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += padded(part.byteLength);
  }
  return bytes;
}

/** The part of a packed region that its translation is made from: two regions with the same have the same translation. */
export function keyPart(packed: Uint8Array): Uint8Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  return packed.subarray(4, packed.length - padded(view.getUint32(28, true)));
}

export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function isSameTranslation(a: Uint8Array, b: Uint8Array): boolean {
  return areEqual(keyPart(a), keyPart(b));
}

/** Bytes that several regions take together, one after another. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Offsets of regions that lie one after another; fewer than there should be when the sizes make no sense. */
export function regionOffsets(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offsets: number[] = [];
  let at = 0;
  while (at + HEADER_WORDS * 4 <= bytes.length) {
    const size = view.getUint32(at, true);
    if (size < HEADER_WORDS * 4 || at + size > bytes.length) break;
    offsets.push(at);
    at += size;
  }
  return offsets;
}

/** The packed region with this index, of those that lie one after another. */
export function regionAt(bytes: Uint8Array, index: number): Uint8Array {
  const offsets = regionOffsets(bytes);
  return bytes.subarray(offsets[index], offsets[index + 1] ?? bytes.length);
}

/** The digest of the region at `offset`. */
export function digestAt(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + offset).getUint32(4, true);
}

/** The region at `offset`; its arrays lie in the same buffer. `bytes` must begin at a multiple of 4 in it. */
export function unpackRegion(bytes: Uint8Array, offset: number): HotRegion {
  // Arrays over shared memory serve as well: nobody writes to it.
  const buffer = bytes.buffer as ArrayBuffer;
  let at = bytes.byteOffset + offset;
  const header = new Uint32Array(buffer, at, HEADER_WORDS) as unknown as number[];
  const [, digest, mode, uopCount, pageCount, nodeWords, codeBytes, labelBytes] = header as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  at += HEADER_WORDS * 4;
  const take = (size: number): number => {
    const start = at;
    at += padded(size);
    return start;
  };
  const uops = new Uint8Array(buffer, take(uopCount * UOP_SIZE), uopCount * UOP_SIZE);
  const places = new Int32Array(buffer, take(uopCount * 4), uopCount);
  const pages = new Int32Array(buffer, take(pageCount * 4), pageCount);
  const nodes = new Int32Array(buffer, take(nodeWords * 4), nodeWords);
  const code = new Uint8Array(buffer, take(codeBytes), codeBytes);
  const label = new TextDecoder().decode(new Uint8Array(buffer, take(labelBytes), labelBytes));
  return { image: { uops, places, pages, nodes }, code, mode, digest, label };
}
