// Translation for all machines of a process. Requests wait until the service gets to them and then become one module, so that
// there are few; a region that was translated before is answered at once. What there is already is told to every new machine, and
// what is new is handed to a store from time to time.

import { optimizedAtOnce } from "../encoder/compilation-hints.ts";
import { compileBatch } from "./compile-batch.ts";
import type { MachineCode } from "../runtime/artifacts.ts";
import type { KeptModule, StoredModule } from "./kept-module.ts";
import { digestAt, isSameTranslation, joinBytes, regionAt, regionOffsets } from "./region-data.ts";
import type { ModuleContents, Translation, TranslatedModule } from "./translator.ts";

/** About so many bytes of packed regions go into one module. */
const BATCH_BYTES = 64 * 1024;

/** So long the service waits between modules, so that there are fewer of them. */
const GATHER_MS = 3;

/** One machine. */
export interface TranslationClient {
  /** Never called from within `connect`, `want` or `request`, but for what is known already. */
  receive(translations: readonly Translation[]): void;
}

export interface ServiceParts {
  /** Loads the region compiler when it is first needed. */
  loadCompiler(): Promise<Parameters<typeof compileBatch>[0]>;
  /** Takes new modules to keep them; absent where nothing is kept. */
  readonly keep?: ((module: KeptModule) => void) | undefined;
  /** Absent where it cannot be had. */
  readonly machineCode?: MachineCode | undefined;
}

interface Request {
  readonly client: TranslationClient;
  readonly request: number;
  readonly region: Uint8Array;
}

/** A function that may be the translation of a region with a certain digest. */
interface Place {
  readonly known: Known;
  readonly index: number;
}

interface Known {
  translated: TranslatedModule;
  /** Until the contents are read. */
  stored: StoredModule | undefined;
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
  know(modules: readonly StoredModule[]): void {
    const translations = modules.map((stored) => {
      const { translated } = this.#add(stored.digests, "kept", stored);
      return { translated, answers: [] };
    });
    for (const client of this.#clients) client.receive(translations);
  }

  connect(client: TranslationClient): void {
    this.#clients.add(client);
    const known = [...this.#modules.values()];
    if (known.length > 0) client.receive(known.map(({ translated }) => ({ translated, answers: [] })));
  }

  /** The contents come by `receive`, at once. */
  want(client: TranslationClient, id: number): void {
    const known = this.#modules.get(id);
    if (known === undefined) return;
    this.#read(known);
    client.receive([{ translated: known.translated, answers: [] }]);
  }

  disconnect(client: TranslationClient): void {
    this.#clients.delete(client);
    this.#waiting = this.#waiting.filter((request) => request.client !== client);
  }

  /** The answer comes by `receive`, at once if the region is known. */
  request(client: TranslationClient, request: number, region: Uint8Array): void {
    const place = this.#find(region);
    if (place !== undefined) {
      const { translated } = place.known;
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
    const module = new WebAssembly.Module(optimizedAtOnce(wasm));
    const joined = joinBytes(regions);
    const contents = { module, sizeBytes: wasm.length, regions: inSharedMemory(joined) };
    const { translated } = this.#add(digestsOf(joined), contents);
    for (const client of new Set(batch.map((request) => request.client))) {
      const own = batch.filter((request) => request.client === client);
      const answers = own.map(({ request, region }) => ({ request, index: indexOf(region) }));
      client.receive([{ translated, answers }]);
    }
    if (this.#parts.keep === undefined) return;
    const machineCode = this.#parts.machineCode?.of(module) ?? new Uint8Array(0);
    this.#parts.keep({ wasm, machineCode, regions: joined });
  }

  /** Sees to it that a module that was kept has its contents, or is lost. */
  #read(known: Known): void {
    if (known.stored === undefined) return;
    const kept = known.stored.read();
    known.stored = undefined;
    const contents = kept === undefined ? "lost" : this.#contentsOf(kept);
    known.translated = { ...known.translated, contents };
  }

  /** Without machine code V8 compiles functions when they are called: much of what was hot once will not be called now. */
  #contentsOf({ wasm, machineCode, regions }: KeptModule): ModuleContents {
    const ready =
      machineCode.length === 0
        ? undefined
        : this.#parts.machineCode?.module(optimizedAtOnce(wasm), machineCode);
    const module = ready ?? new WebAssembly.Module(wasm);
    return { module, sizeBytes: wasm.length + machineCode.length, regions: inSharedMemory(regions) };
  }

  #add(digests: Uint32Array, contents: TranslatedModule["contents"], stored?: StoredModule): Known {
    const id = this.#modules.size + 1;
    const known: Known = { translated: { id, digests, contents }, stored };
    this.#modules.set(id, known);
    digests.forEach((digest, index) => {
      this.#places.set(digest, [...(this.#places.get(digest) ?? []), { known, index }]);
    });
    return known;
  }

  #find(region: Uint8Array): Place | undefined {
    return this.#places.get(digestAt(region, 0))?.find(({ known, index }) => {
      this.#read(known);
      const { contents } = known.translated;
      return typeof contents === "object" && isSameTranslation(regionAt(contents.regions, index), region);
    });
  }
}

function inSharedMemory(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

function digestsOf(regions: Uint8Array): Uint32Array {
  return Uint32Array.from(regionOffsets(regions), (offset) => digestAt(regions, offset));
}
