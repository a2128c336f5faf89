// Several packed regions become one module.

import type { compileImages } from "../regions/compiler.ts";
import { unpackRegion } from "./region-data.ts";

/** The module's bytes; function `i` is the region `regions[i]`. */
export function compileBatch(
  compile: typeof compileImages,
  regions: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const unpacked = regions.map((region) => unpackRegion(region, 0));
  return compile(
    unpacked.map(({ image }) => image),
    unpacked.map(({ label }) => label),
  );
}
