// Who makes WebAssembly modules from images of regions: another thread, or this one where there is no other. Nobody waits for it;
// what has become ready is taken between slices.

import type { RegionImage } from "../regions/image.ts";

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
  /** One module has one number, whoever is told of it and how often. */
  readonly id: number;
  /** Undefined for one that was kept from an earlier run: it is made when it is wanted. */
  readonly module: WebAssembly.Module | undefined;
  readonly sizeBytes: number;
  /** What its functions were made from, in their order, as `packRegion` makes it, one after another. */
  readonly regions: Uint8Array;
}

/** Which function answers a request. */
export interface TranslationAnswer {
  readonly request: number;
  /** Index of the function in its module. */
  readonly index: number;
}

/** A module that has become ready, or known. Without answers it was there before anybody asked. */
export interface Translation {
  readonly translated: TranslatedModule;
  readonly answers: readonly TranslationAnswer[];
}

export interface Translator {
  /** Asks for a region, as `packRegion` makes it, under a number of the caller's; false when there is no time for it now. */
  request(request: number, region: Uint8Array<ArrayBuffer>): boolean;
  /** Asks for a known module to be made; it comes by `take`. */
  want(id: number): void;
  /** What has become ready since the last call. */
  take(): readonly Translation[];
}
