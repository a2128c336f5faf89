// Modules and their regions as one file, of which the index is read first and a module when it is wanted. Little-endian words:
//
//   0 magic   8 version   12 compiler (32 bytes)   44 checksum of the rest of header and index (32 bytes)
//   76 modules   80 bytes of the index   84 the index, for each module:
//        0 bytes of WebAssembly   4 of machine code   8 of regions   12 regions   16 checksum (32 bytes)   48 digests of the regions
//   then for each module WebAssembly, machine code and regions, each padded to 4 bytes

import type { KeptModule } from "./kept-module.ts";
import { areEqual, digestAt, joinBytes, regionOffsets } from "./region-data.ts";

const MAGIC = "HEARTHTR";
const VERSION = 2;
const COMPILER_AT = 12;
const CHECKSUM_AT = 44;
const COUNT_AT = 76;
const INDEX_BYTES_AT = 80;
export const HEADER_BYTES = 84;
const ENTRY_BYTES = 48;
const DIGEST_BYTES = 32;
const padded = (bytes: number): number => (bytes + 3) & ~3;

/** 32 bytes of a cryptographic hash. */
export type Digest = (bytes: Uint8Array) => Uint8Array;

/** Where a module is in a file. */
export interface PackEntry {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly wasmBytes: number;
  readonly machineCodeBytes: number;
  readonly regionBytes: number;
  /** Of all the module's bytes. */
  readonly checksum: Uint8Array;
  /** Of the blocks that its regions are entered through. */
  readonly digests: Uint32Array;
}

/** `compiler` tells apart compilers whose translations must not be mixed: 32 bytes. */
export function encodePack(
  modules: readonly KeptModule[],
  compiler: Uint8Array,
  digest: Digest,
): Uint8Array<ArrayBuffer> {
  const contents = modules.map(encodeModule);
  const index = joinBytes(modules.map((module, i) => encodeEntry(module, digest(contents[i] as Uint8Array))));
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  header.set(new TextEncoder().encode(MAGIC));
  view.setUint32(8, VERSION, true);
  view.setUint32(COUNT_AT, modules.length, true);
  view.setUint32(INDEX_BYTES_AT, index.length, true);
  header.set(compiler, COMPILER_AT);
  header.set(digest(joinBytes([header.subarray(COUNT_AT), index])), CHECKSUM_AT);
  return joinBytes([header, index, ...contents]);
}

function encodeModule({ wasm, machineCode, regions }: KeptModule): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(padded(wasm.length) + padded(machineCode.length) + padded(regions.length));
  bytes.set(wasm);
  bytes.set(machineCode, padded(wasm.length));
  bytes.set(regions, padded(wasm.length) + padded(machineCode.length));
  return bytes;
}

function encodeEntry({ wasm, machineCode, regions }: KeptModule, checksum: Uint8Array): Uint8Array {
  const digests = regionOffsets(regions).map((offset) => digestAt(regions, offset));
  const entry = new Uint8Array(ENTRY_BYTES + 4 * digests.length);
  const view = new DataView(entry.buffer);
  const words = [wasm.length, machineCode.length, regions.length, digests.length];
  words.forEach((word, i) => view.setUint32(i * 4, word, true));
  entry.set(checksum, 16);
  digests.forEach((value, i) => view.setUint32(ENTRY_BYTES + i * 4, value, true));
  return entry;
}

/** Bytes of the index, from the header of a file; undefined when it is none of this version and compiler. */
export function indexBytesOf(header: Uint8Array, compiler: Uint8Array): number | undefined {
  if (header.length < HEADER_BYTES) return undefined;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const isOurs =
    new TextDecoder().decode(header.subarray(0, 8)) === MAGIC &&
    view.getUint32(8, true) === VERSION &&
    areEqual(header.subarray(COMPILER_AT, COMPILER_AT + DIGEST_BYTES), compiler);
  return isOurs ? view.getUint32(INDEX_BYTES_AT, true) : undefined;
}

/** What is where in a file of `fileBytes`; undefined when header or index are damaged, or the file is not whole. */
export function decodeIndex(
  header: Uint8Array,
  index: Uint8Array,
  fileBytes: number,
  digest: Digest,
): readonly PackEntry[] | undefined {
  const checksum = header.subarray(CHECKSUM_AT, CHECKSUM_AT + DIGEST_BYTES);
  if (!areEqual(checksum, digest(joinBytes([header.subarray(COUNT_AT), index])))) return undefined;
  const view = new DataView(index.buffer, index.byteOffset, index.byteLength);
  const entries: PackEntry[] = [];
  const count = new DataView(header.buffer, header.byteOffset).getUint32(COUNT_AT, true);
  let offset = HEADER_BYTES + index.length;
  for (let at = 0; entries.length < count; at += ENTRY_BYTES + 4 * view.getUint32(at + 12, true)) {
    const word = (i: number): number => view.getUint32(at + i * 4, true);
    const [wasmBytes, machineCodeBytes, regionBytes, regions] = [word(0), word(1), word(2), word(3)];
    const sizeBytes = padded(wasmBytes) + padded(machineCodeBytes) + padded(regionBytes);
    entries.push({
      offset,
      sizeBytes,
      wasmBytes,
      machineCodeBytes,
      regionBytes,
      checksum: index.slice(at + 16, at + ENTRY_BYTES),
      digests: Uint32Array.from({ length: regions }, (_, i) => word(ENTRY_BYTES / 4 + i)),
    });
    offset += sizeBytes;
  }
  return offset === fileBytes ? entries : undefined;
}

/** A module of a file from its bytes there, which must lie where arrays of words can; undefined when they are damaged. */
export function decodeModule(
  entry: PackEntry,
  bytes: Uint8Array<ArrayBuffer>,
  digest: Digest,
): KeptModule | undefined {
  if (!areEqual(digest(bytes), entry.checksum)) return undefined;
  const { wasmBytes, machineCodeBytes, regionBytes } = entry;
  const machineCodeAt = padded(wasmBytes);
  const regionsAt = machineCodeAt + padded(machineCodeBytes);
  return {
    wasm: bytes.subarray(0, wasmBytes),
    machineCode: bytes.subarray(machineCodeAt, machineCodeAt + machineCodeBytes),
    regions: bytes.subarray(regionsAt, regionsAt + regionBytes),
  };
}
