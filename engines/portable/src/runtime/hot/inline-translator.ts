// Translation in the vCPU's own thread, at once: for tests, and where there are no other threads. It takes a bounded share of the
// time.

import { compileBatch } from "../../translation/compile-batch.ts";
import { digestAt } from "../../translation/region-data.ts";
import { regionCompiler } from "./region-compiler.ts";
import type { Translation, Translator } from "../../translation/translator.ts";

/** At most this share of the time goes into compiling, after a start that is free. */
const COMPILE_SHARE = 0.15;
const FREE_COMPILE_MS = 30;

let lastId = 0;

/** Compiles one region at once; undefined when the region compiler is not loaded. */
export function translateNow(region: Uint8Array<ArrayBuffer>, request = 0): Translation | undefined {
  const compiler = regionCompiler();
  if (compiler === undefined) return undefined;
  const bytes = compileBatch(compiler.compileImages, [region]);
  const module = new WebAssembly.Module(bytes);
  lastId++;
  const contents = { module, sizeBytes: bytes.length, regions: region };
  const translated = { id: lastId, digests: Uint32Array.of(digestAt(region, 0)), contents };
  return { translated, answers: [{ request, index: 0 }] };
}

export class InlineTranslator implements Translator {
  readonly #startMs = performance.now();
  #spentMs = 0;
  #ready: Translation[] = [];

  request(request: number, region: Uint8Array<ArrayBuffer>): boolean {
    const startMs = performance.now();
    if (this.#spentMs > FREE_COMPILE_MS + COMPILE_SHARE * (startMs - this.#startMs)) return false;
    const translation = translateNow(region, request);
    this.#spentMs += performance.now() - startMs;
    if (translation === undefined) return false;
    this.#ready.push(translation);
    return true;
  }

  /** Nothing is known here from earlier runs, */
  want(): void {}

  /** and nothing is kept for later ones. */
  readonly isKeeping = false;

  keep(): void {}

  take(): readonly Translation[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }
}
