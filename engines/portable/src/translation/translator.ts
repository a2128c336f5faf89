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
  /** Digests of the blocks that its regions are entered through, in the order of its functions. */
  readonly digests: Uint32Array;
  /** "kept" since an earlier run, until it is wanted; "lost" when it was wanted and could not be read. */
  readonly contents: ModuleContents | "kept" | "lost";
}

export interface ModuleContents {
  readonly module: WebAssembly.Module;
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
  /** Are translations kept for later runs? */
  readonly isKeeping: boolean;
  /** Asks for a region, as `packRegion` makes it, under a number of the caller's; false when there is no time for it now. */
  request(request: number, region: Uint8Array<ArrayBuffer>): boolean;
  /** Has a region translated for later runs when there is nothing else to do. */
  keep(region: Uint8Array<ArrayBuffer>): void;
  /** Asks for the contents of a module that was kept; they come by `take`. */
  want(id: number): void;
  /** What has become ready since the last call. */
  take(): readonly Translation[];
}
