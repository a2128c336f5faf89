// Translation for all machines of a process. Requests wait until the service gets to them and then become one module, so that
// there are few; a region that was translated before is answered at once. What there is already is told to every new machine, and
// what is new is handed to a store from time to time.

import { optimizedAtOnce } from "../encoder/compilation-hints.ts";
import { compileBatch } from "./compile-batch.ts";
import { joinBytes, keyPart, regionOffsets } from "./region-data.ts";
import type { Translation, TranslatedModule } from "./translator.ts";

/** About so many bytes of packed regions go into one module. */
const BATCH_BYTES = 64 * 1024;

/** So long the service waits between modules, so that there are fewer of them. */
const GATHER_MS = 3;

/** One machine. */
export interface TranslationClient {
  /** Never called from within `connect` or `request`, but for what is known already. */
  receive(translation: Translation): void;
}

/** A module with what its functions were made from, as it is kept. */
export interface KeptModule {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly regions: Uint8Array<ArrayBuffer>;
}

export interface ServiceParts {
  /** Loads the region compiler when it is first needed. */
  loadCompiler(): Promise<Parameters<typeof compileBatch>[0]>;
  /** A key of some tens of characters for bytes. */
  digest(bytes: Uint8Array): string;
  /** Takes new modules to keep them. */
  keep(module: KeptModule): void;
}

interface Request {
  readonly client: TranslationClient;
  readonly request: number;
  readonly region: Uint8Array;
  readonly key: string;
}

interface Place {
  readonly id: number;
  readonly index: number;
}

interface Known {
  translated: TranslatedModule;
  /** Until the module is made. */
  wasm: Uint8Array<ArrayBuffer> | undefined;
}

export class TranslationService {
  readonly #parts: ServiceParts;
  /** By their numbers. */
  readonly #modules = new Map<number, Known>();
  readonly #byKey = new Map<string, Place>();
  readonly #clients = new Set<TranslationClient>();
  #waiting: Request[] = [];
  #isWorking = false;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  /** Takes in what was kept. It is much, and not all of it will be wanted again. */
  know({ wasm, regions }: KeptModule): void {
    // A copy: what it lies in may be a whole file.
    const { translated } = this.#add(
      { wasm: wasm.slice(), sizeBytes: wasm.length, module: undefined },
      regions,
    );
    for (const client of this.#clients) client.receive({ translated, answers: [] });
  }

  connect(client: TranslationClient): void {
    this.#clients.add(client);
    for (const { translated } of this.#modules.values()) client.receive({ translated, answers: [] });
  }

  /** The module comes by `receive`, at once. V8 compiles its functions when they are called. */
  want(client: TranslationClient, id: number): void {
    const known = this.#modules.get(id);
    if (known !== undefined) client.receive({ translated: this.#made(known), answers: [] });
  }

  disconnect(client: TranslationClient): void {
    this.#clients.delete(client);
    this.#waiting = this.#waiting.filter((request) => request.client !== client);
  }

  /** The answer comes by `receive`, at once if the region is known. */
  request(client: TranslationClient, request: number, region: Uint8Array): void {
    const key = this.#parts.digest(keyPart(region));
    const place = this.#byKey.get(key);
    if (place !== undefined) {
      const translated = this.#made(this.#modules.get(place.id) as Known);
      client.receive({ translated, answers: [{ request, index: place.index }] });
      return;
    }
    this.#waiting.push({ client, request, region, key });
    if (!this.#isWorking) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    const compile = await this.#parts.loadCompiler();
    while (this.#waiting.length > 0) {
      await new Promise((resolve) => {
        setTimeout(resolve, GATHER_MS);
      });
      if (this.#waiting.length > 0) this.#translate(compile, this.#takeBatch());
    }
    this.#isWorking = false;
  }

  #takeBatch(): Request[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && bytes < BATCH_BYTES)
      bytes += (this.#waiting[count++] as Request).region.length;
    return this.#waiting.splice(0, count);
  }

  #translate(compile: Parameters<typeof compileBatch>[0], batch: readonly Request[]): void {
    const indices = new Map<string, number>();
    const regions: Uint8Array[] = [];
    for (const { key, region } of batch) {
      if (indices.has(key)) continue;
      indices.set(key, regions.length);
      regions.push(region);
    }
    const wasm = compileBatch(compile, regions);
    const kept = { wasm, regions: joinBytes(regions) };
    const module = new WebAssembly.Module(optimizedAtOnce(wasm));
    const { translated } = this.#add({ wasm: undefined, sizeBytes: wasm.length, module }, kept.regions);
    for (const client of new Set(batch.map((request) => request.client))) {
      const own = batch.filter((request) => request.client === client);
      const answers = own.map(({ request, key }) => ({ request, index: indices.get(key) as number }));
      client.receive({ translated, answers });
    }
    this.#parts.keep(kept);
  }

  #made(known: Known): TranslatedModule {
    if (known.wasm !== undefined) {
      known.translated = { ...known.translated, module: new WebAssembly.Module(known.wasm) };
      known.wasm = undefined;
    }
    return known.translated;
  }

  #add(
    { wasm, ...parts }: Pick<Known, "wasm"> & Pick<TranslatedModule, "module" | "sizeBytes">,
    packed: Uint8Array,
  ): Known {
    const shared = new Uint8Array(new SharedArrayBuffer(packed.length));
    shared.set(packed);
    const id = this.#modules.size + 1;
    const known: Known = { translated: { id, ...parts, regions: shared }, wasm };
    this.#modules.set(id, known);
    const offsets = regionOffsets(packed);
    offsets.forEach((offset, index) => {
      const region = packed.subarray(offset, offsets[index + 1] ?? packed.length);
      this.#byKey.set(this.#parts.digest(keyPart(region)), { id, index });
    });
    return known;
  }
}
