// Translation in the vCPU's own thread, at once: for tests, and where there are no other threads. It takes a bounded share of the
// time.

import { regionCompiler } from "./region-compiler.ts";
import type { HotRegion, KnownModule, TranslatedModule, Translator } from "./translator.ts";

/** At most this share of the time goes into compiling, after a start that is free. */
const COMPILE_SHARE = 0.15;
const FREE_COMPILE_MS = 30;

/** Compiles regions into one module. The region compiler must have been loaded. */
export function translate(regions: readonly HotRegion[], requests: readonly number[]): TranslatedModule {
  const compiler = regionCompiler();
  if (compiler === undefined) throw new Error("the region compiler is not loaded");
  const bytes = compiler.compileImages(
    regions.map(({ image }) => image),
    regions.map(({ label }) => label),
  );
  return { module: new WebAssembly.Module(bytes), sizeBytes: bytes.length, requests };
}

export class InlineTranslator implements Translator {
  readonly #startMs = performance.now();
  #spentMs = 0;
  #ready: TranslatedModule[] = [];

  request(id: number, region: HotRegion): boolean {
    const startMs = performance.now();
    if (this.#spentMs > FREE_COMPILE_MS + COMPILE_SHARE * (startMs - this.#startMs)) return false;
    this.#ready.push(translate([region], [id]));
    this.#spentMs += performance.now() - startMs;
    return true;
  }

  take(): readonly TranslatedModule[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  takeKnown(): readonly KnownModule[] {
    return [];
  }
}
