// The instruction bytes of a region: taken when it is formed, compared when its translation is to be used elsewhere.

import { UOP_LENGTH, UOP_SIZE } from "../../layout.ts";
import { pageOfPlace, type RegionImage, unpackNodes } from "../../regions/image.ts";
import type { RegionPage } from "./code-pages.ts";
import type { HotRegion } from "../../translation/translator.ts";

/** Where a place of the image is in the memory. */
function hostOf(image: RegionImage, pages: readonly RegionPage[], place: number): number {
  const index = image.pages.indexOf(pageOfPlace(place));
  return (pages[index] as RegionPage).host + (place & 0xfff);
}

function lengthOf(image: RegionImage, index: number): number {
  return image.uops[index * UOP_SIZE + UOP_LENGTH] as number;
}

/** The bytes of all instructions, in the order of the image's micro-ops. */
export function readCode(
  memory: Uint8Array,
  image: RegionImage,
  pages: readonly RegionPage[],
): Uint8Array<ArrayBuffer> {
  const code: number[] = [];
  image.places.forEach((place, i) => {
    const at = hostOf(image, pages, place);
    for (let k = 0; k < lengthOf(image, i); k++) code.push(memory[at + k] as number);
  });
  return Uint8Array.from(code);
}

/** Do these pages hold the code the region was formed from? */
export function holdsCode(
  memory: Uint8Array,
  { image, code }: HotRegion,
  pages: readonly RegionPage[],
): boolean {
  let next = 0;
  for (let i = 0; i < image.places.length; i++) {
    const at = hostOf(image, pages, image.places[i] as number);
    const end = at + lengthOf(image, i);
    for (let byte = at; byte < end; byte++) if (memory[byte] !== code[next++]) return false;
  }
  return true;
}

/** Makes writes to the region's code count as changes of code. False when there is no room for notes of that. */
export function watchRegion(
  watch: (host: number, bytes: number) => boolean,
  image: RegionImage,
  pages: readonly RegionPage[],
): boolean {
  return unpackNodes(image.nodes).every(({ first, end }) => {
    const start = image.places[first] as number;
    return watch(hostOf(image, pages, start), end - start);
  });
}
