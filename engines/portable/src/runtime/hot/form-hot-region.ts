// From a hot place to a region that can be translated and kept.

import type { CodeSource } from "../../regions/form-region.ts";
import { regionName } from "../../regions/region-name.ts";
import type { RegionPage } from "./code-pages.ts";
import type { HotPlace } from "./hot-ring.ts";
import { readCode } from "./region-bytes.ts";
import { regionCompiler } from "./region-compiler.ts";
import type { HotRegion } from "../../translation/translator.ts";

/** The region at a place as it is now; undefined when nothing there can be compiled, or a page of it cannot be found. */
export function formAt(
  source: Omit<CodeSource, "entries">,
  place: HotPlace,
  findPages: (distances: Int32Array) => readonly RegionPage[] | undefined,
):
  | { readonly place: HotPlace; readonly region: HotRegion; readonly pages: readonly RegionPage[] }
  | undefined {
  const image = regionCompiler()?.formRegionAt(source, place.linear);
  const pages = image && findPages(image.pages);
  if (image === undefined || pages === undefined) return undefined;
  const { view } = source;
  const code = readCode(new Uint8Array(view.buffer, view.byteOffset), image, pages);
  const { mode, digest, linear } = place;
  return { place, region: { image, code, mode, digest, label: regionName(linear) }, pages };
}
