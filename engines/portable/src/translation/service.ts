// Translation for all machines of a process. Requests wait until the service gets to them and then become one module, so that
// there are few; a region that was translated before is answered at once. What there is already is told to every new machine, and
// what is new is handed to a store from time to time.

import { optimizedAtOnce } from "../encoder/compilation-hints.ts";
import { compileBatch } from "./compile-batch.ts";
import { areEqual, digestAt, isSameTranslation, joinBytes, keyPart, regionOffsets } from "./region-data.ts";
import type { Translation, TranslatedModule } from "./translator.ts";

/** About so many bytes of packed regions go into one module. */
const BATCH_BYTES = 64 * 1024;

/** So long the service waits between modules, so that there are fewer of them. */
const GATHER_MS = 3;

/** One machine. */
export interface TranslationClient {
  /** Never called from within `connect`, `want` or `request`, but for what is known already. */
  receive(translations: readonly Translation[]): void;
}

/** A module with what its functions were made from, as it is kept. */
export interface KeptModule {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly regions: Uint8Array<ArrayBuffer>;
}

export interface ServiceParts {
  /** Loads the region compiler when it is first needed. */
  loadCompiler(): Promise<Parameters<typeof compileBatch>[0]>;
  /** Takes new modules to keep them. */
  keep(module: KeptModule): void;
}

interface Request {
  readonly client: TranslationClient;
  readonly request: number;
  readonly region: Uint8Array;
}

/** A region that has a translation. */
interface Place {
  readonly id: number;
  readonly index: number;
  readonly key: Uint8Array;
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
  /** By the digest of their entries. */
  readonly #places = new Map<number, Place[]>();
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
    for (const client of this.#clients) client.receive([{ translated, answers: [] }]);
  }

  connect(client: TranslationClient): void {
    this.#clients.add(client);
    const known = [...this.#modules.values()];
    if (known.length > 0) client.receive(known.map(({ translated }) => ({ translated, answers: [] })));
  }

  /** The module comes by `receive`, at once. V8 compiles its functions when they are called. */
  want(client: TranslationClient, id: number): void {
    const known = this.#modules.get(id);
    if (known !== undefined) client.receive([{ translated: this.#made(known), answers: [] }]);
  }

  disconnect(client: TranslationClient): void {
    this.#clients.delete(client);
    this.#waiting = this.#waiting.filter((request) => request.client !== client);
  }

  /** The answer comes by `receive`, at once if the region is known. */
  request(client: TranslationClient, request: number, region: Uint8Array): void {
    const place = this.#find(region);
    if (place !== undefined) {
      const translated = this.#made(this.#modules.get(place.id) as Known);
      client.receive([{ translated, answers: [{ request, index: place.index }] }]);
      return;
    }
    this.#waiting.push({ client, request, region });
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
    const regions: Uint8Array[] = [];
    for (const { region } of batch)
      if (!regions.some((other) => isSameTranslation(other, region))) regions.push(region);
    const indexOf = (region: Uint8Array): number =>
      regions.findIndex((other) => isSameTranslation(other, region));
    const wasm = compileBatch(compile, regions);
    const kept = { wasm, regions: joinBytes(regions) };
    const module = new WebAssembly.Module(optimizedAtOnce(wasm));
    const { translated } = this.#add({ wasm: undefined, sizeBytes: wasm.length, module }, kept.regions);
    for (const client of new Set(batch.map((request) => request.client))) {
      const own = batch.filter((request) => request.client === client);
      const answers = own.map(({ request, region }) => ({ request, index: indexOf(region) }));
      client.receive([{ translated, answers }]);
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
    const offsets = regionOffsets(shared);
    offsets.forEach((offset, index) => {
      const key = keyPart(shared.subarray(offset, offsets[index + 1] ?? shared.length));
      const digest = digestAt(shared, offset);
      this.#places.set(digest, [...(this.#places.get(digest) ?? []), { id, index, key }]);
    });
    return known;
  }

  #find(region: Uint8Array): Place | undefined {
    const key = keyPart(region);
    return this.#places.get(digestAt(region, 0))?.find((place) => areEqual(place.key, key));
  }
}
