// From a hot micro-op to a module: what the runtime loads when there is time for it, since the instruction tables come with it.

import { type HandlerEntry, layOutHandlers } from "../decode/handlers.ts";
import { compileRegion } from "./compile-region.ts";
import { type CodeSource, formRegion } from "./region.ts";

const MAX_MEMORY_PAGES = 65536;

/** Handlers by table place. */
const entries: readonly HandlerEntry[] = layOutHandlers().entries;

/** Compiles the region entered at a page offset; undefined when nothing there can be compiled. */
export function compileRegionAt(
  source: Omit<CodeSource, "entries">,
  offset: number,
): Uint8Array<ArrayBuffer> | undefined {
  const nodes = formRegion({ ...source, entries }, offset);
  return nodes && compileRegion(nodes, MAX_MEMORY_PAGES);
}
