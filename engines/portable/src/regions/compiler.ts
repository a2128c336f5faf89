// The region compiler: what the runtime loads when there is time for it, since the instruction tables come with it.

import { type HandlerEntry, layOutHandlers } from "../decode/handlers.ts";
import { compileRegions } from "./compile-region.ts";
import { type CodeSource, formRegion } from "./form-region.ts";
import type { RegionImage } from "./image.ts";

const MAX_MEMORY_PAGES = 65536;

/** Handlers by table place. */
const entries: readonly HandlerEntry[] = layOutHandlers().entries;

/** The region entered at a linear address; undefined when nothing there can be compiled. */
export function formRegionAt(source: Omit<CodeSource, "entries">, entry: bigint): RegionImage | undefined {
  return formRegion({ ...source, entries }, entry);
}

/** One module with a function for each image, exported as `regionExport` names them. */
export function compileImages(
  images: readonly RegionImage[],
  labels?: readonly string[],
): Uint8Array<ArrayBuffer> {
  return compileRegions(images, entries, MAX_MEMORY_PAGES, labels);
}
