// Who makes WebAssembly modules from images of regions: another thread, or this one where there is no other. Nobody waits for it;
// what has become ready is taken between slices.

import type { RegionImage } from "../../regions/image.ts";

/** A region as it is to be translated, and as it is kept with its translation. */
export interface HotRegion {
  readonly image: RegionImage;
  /** The bytes of its instructions, in the order of its micro-ops. */
  readonly code: Uint8Array<ArrayBuffer>;
  /** Decoder mode that the bytes were decoded in. */
  readonly mode: number;
  /** Digest of the block it is entered through. */
  readonly digest: number;
  /** For profilers. */
  readonly label: string;
}

/** A module with a function for each of several regions, exported as `regionExport` names them. */
export interface TranslatedModule {
  readonly module: WebAssembly.Module;
  readonly sizeBytes: number;
  /** For the functions in their order: the number under which the region was asked for. */
  readonly requests: readonly number[];
}

/** Translations that were there before the machine: the regions that functions of a module were made from. */
export interface KnownModule {
  readonly module: WebAssembly.Module;
  readonly sizeBytes: number;
  /** In the form of region-data.ts, one after another. */
  readonly regions: Uint8Array<ArrayBuffer>;
}

export interface Translator {
  /** Asks for a region under a number of the caller's; false when there is no time for it now. */
  request(id: number, region: HotRegion): boolean;
  /** What has become ready since the last call. */
  take(): readonly TranslatedModule[];
  /** Translations known from elsewhere, each told once. */
  takeKnown(): readonly KnownModule[];
}
