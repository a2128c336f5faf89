// The region compiler, loaded when there is time for it: the instruction tables come with it.

import type { compileImages, formRegionAt } from "../../regions/compiler.ts";

export interface RegionCompilerModule {
  readonly formRegionAt: typeof formRegionAt;
  readonly compileImages: typeof compileImages;
}

let loaded: RegionCompilerModule | undefined;
let loading: Promise<void> | undefined;

/** Resolves when `regionCompiler` answers. */
export function loadRegionCompiler(): Promise<void> {
  loading ??= import("../../regions/compiler.ts").then((module) => {
    loaded = module;
  });
  return loading;
}

export function regionCompiler(): RegionCompilerModule | undefined {
  return loaded;
}
