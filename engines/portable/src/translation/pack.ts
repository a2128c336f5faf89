// Modules and their regions as one file. Little-endian words:
//
//   0 magic   8 version   12 compiler (32 bytes)   44 checksum of all that follows (32 bytes)   76 modules
//   80 for each module: bytes of WebAssembly, bytes of regions; then both, each padded to 4 bytes

import { areEqual } from "./region-data.ts";
import type { KeptModule } from "./service.ts";

const MAGIC = "HEARTHTR";
const VERSION = 1;
const COMPILER_AT = 12;
const CHECKSUM_AT = 44;
const COUNT_AT = 76;
const HEADER_BYTES = 80;
const DIGEST_BYTES = 32;
const padded = (bytes: number): number => (bytes + 3) & ~3;

/** 32 bytes of a cryptographic hash. */
export type Digest = (bytes: Uint8Array) => Uint8Array;

/** `compiler` tells apart compilers whose translations must not be mixed: 32 bytes. */
export function encodePack(
  modules: readonly KeptModule[],
  compiler: Uint8Array,
  digest: Digest,
): Uint8Array<ArrayBuffer> {
  const total = modules.reduce((sum, m) => sum + 8 + padded(m.wasm.length) + padded(m.regions.length), 0);
  const bytes = new Uint8Array(HEADER_BYTES + total);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(8, VERSION, true);
  view.setUint32(COUNT_AT, modules.length, true);
  bytes.set(compiler, COMPILER_AT);
  let at = HEADER_BYTES;
  for (const { wasm, regions } of modules) {
    view.setUint32(at, wasm.length, true);
    view.setUint32(at + 4, regions.length, true);
    bytes.set(wasm, at + 8);
    bytes.set(regions, at + 8 + padded(wasm.length));
    at += 8 + padded(wasm.length) + padded(regions.length);
  }
  bytes.set(digest(bytes.subarray(COUNT_AT)), CHECKSUM_AT);
  return bytes;
}

/** The modules of a file; undefined when it is damaged, of another version or from another compiler. */
export function decodePack(
  bytes: Uint8Array<ArrayBuffer>,
  compiler: Uint8Array,
  digest: Digest,
): readonly KeptModule[] | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isOurs =
    new TextDecoder().decode(bytes.subarray(0, 8)) === MAGIC &&
    view.getUint32(8, true) === VERSION &&
    areEqual(bytes.subarray(COMPILER_AT, COMPILER_AT + DIGEST_BYTES), compiler);
  if (!isOurs) return undefined;
  const checksum = bytes.subarray(CHECKSUM_AT, CHECKSUM_AT + DIGEST_BYTES);
  if (!areEqual(checksum, digest(bytes.subarray(COUNT_AT)))) return undefined;
  const modules: KeptModule[] = [];
  let at = HEADER_BYTES;
  for (let count = view.getUint32(COUNT_AT, true); count > 0; count--) {
    const [wasmBytes, regionBytes] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    const regionsAt = at + 8 + padded(wasmBytes);
    modules.push({
      wasm: bytes.subarray(at + 8, at + 8 + wasmBytes),
      regions: bytes.subarray(regionsAt, regionsAt + regionBytes),
    });
    at = regionsAt + padded(regionBytes);
  }
  return modules;
}
