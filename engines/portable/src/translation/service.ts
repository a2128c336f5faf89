// Translation for all machines of a process. Requests wait until the service gets to them and then become one module, so that
// there are few; a region that was translated before is answered at once. What there is already is told to every new machine, and
// what is new is handed to a store from time to time.

import { optimizedAtOnce } from "../encoder/compilation-hints.ts";
import { moduleShell } from "../encoder/module-shell.ts";
import { compileBatch } from "./compile-batch.ts";
import type { MachineCode } from "../runtime/artifacts.ts";
import type { KeptModule, StoredModule } from "./kept-module.ts";
import { digestAt, isSameTranslation, joinBytes, regionAt, regionOffsets } from "./region-data.ts";
import type { ModuleContents, Translation, TranslatedModule } from "./translator.ts";

/** About so many bytes of packed regions go into one module. */
const BATCH_BYTES = 64 * 1024;

/** So long the service waits between modules, so that there are fewer of them. */
const GATHER_MS = 3;

/**
 * What is to be translated for later runs waits until the start is over, has a share of the time (every module is followed by a pause
 * of so many times its own time), since the vCPU feels it even on a CPU of its own, and takes at most so much room.
 */
const LATER_AFTER_MS = 3000;
const LATER_PAUSE = 4;
const MAX_LATER_BYTES = 5 * 1024 * 1024;

/** Modules with contents take at most about so much; those longest unused are forgotten here, and go when no machine has them. */
const MAX_BYTES = 160 * 1024 * 1024;

/** One machine. */
export interface TranslationClient {
  /** Never called from within `connect`, `want` or `request`, but for what is known already. */
  receive(translations: readonly Translation[]): void;
}

export interface ServiceParts {
  /** Loads the region compiler when it is first needed. */
  loadCompiler(): Promise<RegionCompile>;
  /** Takes new modules to keep them; absent where nothing is kept. */
  readonly keep?: ((module: KeptModule) => void) | undefined;
  /** Absent where it cannot be had. */
  readonly machineCode?: MachineCode | undefined;
  /** For tests. */
  readonly laterAfterMs?: number;
  /** A cryptographic hash. */
  digest(bytes: Uint8Array): Uint8Array;
}

type RegionCompile = Parameters<typeof compileBatch>[0];

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
  /** Those with contents, the one longest unused first. */
  readonly #present = new Set<Known>();
  #presentBytes = 0;
  #lastId = 0;
  #waiting: Request[] = [];
  #later: Uint8Array[] = [];
  #laterBytes = 0;
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

  /** The contents come by `receive`, at once, or that they are lost. */
  want(client: TranslationClient, id: number): void {
    const known = this.#modules.get(id);
    if (known === undefined) {
      client.receive([{ translated: { id, digests: new Uint32Array(0), contents: "lost" }, answers: [] }]);
      return;
    }
    this.#read(known);
    this.#noteUse(known);
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
      this.#noteUse(place.known);
      client.receive([{ translated, answers: [{ request, index: place.index }] }]);
      return;
    }
    this.#waiting.push({ client, request, region });
    if (!this.#isWorking) void this.#work();
  }

  /** Translates a region when there is nothing else to do, and hands it to the store. */
  keepForLater(region: Uint8Array): void {
    if (this.#laterBytes + region.length > MAX_LATER_BYTES) return;
    this.#later.push(region);
    this.#laterBytes += region.length;
    if (this.#later.length === 1) void this.#workForLater();
  }

  async #workForLater(): Promise<void> {
    const compile = await this.#parts.loadCompiler();
    let pauseMs = this.#parts.laterAfterMs ?? LATER_AFTER_MS;
    while (this.#later.length > 0) {
      await passed(pauseMs);
      const startMs = performance.now();
      if (!this.#isWorking) this.#translateForLater(compile);
      pauseMs = Math.max(GATHER_MS, LATER_PAUSE * (performance.now() - startMs));
    }
  }

  #translateForLater(compile: RegionCompile): void {
    const [batch, rest] = splitBatch(this.#later, (region) => region);
    this.#later = rest;
    this.#laterBytes = rest.reduce((sum, { length }) => sum + length, 0);
    const regions = distinct(batch).filter((region) => this.#find(region) === undefined);
    if (regions.length > 0) this.#parts.keep?.(this.#compile(compile, regions).kept);
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    const compile = await this.#parts.loadCompiler();
    while (this.#waiting.length > 0) {
      await passed(GATHER_MS);
      if (this.#waiting.length > 0) this.#translate(compile, this.#takeBatch());
    }
    this.#isWorking = false;
  }

  #takeBatch(): readonly Request[] {
    const [batch, rest] = splitBatch(this.#waiting, ({ region }) => region);
    this.#waiting = rest;
    return batch;
  }

  #translate(compile: RegionCompile, batch: readonly Request[]): void {
    const regions = distinct(batch.map(({ region }) => region));
    const { module, kept } = this.#compile(compile, regions);
    // What V8 keeps of a module with all its functions' bodies is as large as half of the machine code.
    const small = kept.machineCode.length > 0 ? this.#contentsOf(kept) : undefined;
    const contents = small ?? contentsWith(module, kept);
    const { translated } = this.#add(digestsOf(kept.regions), contents);
    const indexOf = (region: Uint8Array): number =>
      regions.findIndex((other) => isSameTranslation(other, region));
    for (const client of new Set(batch.map((request) => request.client))) {
      const own = batch.filter((request) => request.client === client);
      const answers = own.map(({ request, region }) => ({ request, index: indexOf(region) }));
      client.receive([{ translated, answers }]);
    }
    this.#parts.keep?.(kept);
  }

  /** A module, and what of it is kept: no bodies of functions if there is machine code. */
  #compile(
    compile: RegionCompile,
    regions: readonly Uint8Array[],
  ): { readonly module: WebAssembly.Module; readonly kept: KeptModule } {
    const wasm = compileBatch(compile, regions);
    const module = new WebAssembly.Module(optimizedAtOnce(wasm));
    const machineCode = this.#parts.machineCode?.of(module);
    const joined = joinBytes(regions);
    const kept =
      machineCode === undefined
        ? { wasm, machineCode: new Uint8Array(0), regions: joined }
        : { wasm: moduleShell(wasm, this.#parts.digest(machineCode)), machineCode, regions: joined };
    return { module, kept };
  }

  /** Sees to it that a module that was kept has its contents, or is lost. */
  #read(known: Known): void {
    if (known.stored === undefined) return;
    const kept = known.stored.read();
    known.stored = undefined;
    const contents = kept && this.#contentsOf(kept);
    known.translated = { ...known.translated, contents: contents ?? "lost" };
    this.#notePresent(known);
  }

  #noteUse(known: Known): void {
    if (this.#present.delete(known)) this.#present.add(known);
  }

  #notePresent(known: Known): void {
    const sizeBytes = sizeOf(known);
    if (sizeBytes === 0) return;
    this.#present.add(known);
    this.#presentBytes += sizeBytes;
    for (const oldest of this.#present) {
      if (this.#presentBytes <= MAX_BYTES || oldest === known) return;
      this.#forget(oldest);
    }
  }

  #forget(known: Known): void {
    this.#present.delete(known);
    this.#presentBytes -= sizeOf(known);
    this.#modules.delete(known.translated.id);
    for (const digest of known.translated.digests) {
      const others = (this.#places.get(digest) ?? []).filter((place) => place.known !== known);
      if (others.length === 0) this.#places.delete(digest);
      else this.#places.set(digest, others);
    }
  }

  /** Undefined when there is machine code, and it is of no use here. */
  #contentsOf(kept: KeptModule): ModuleContents | undefined {
    const { wasm, machineCode } = kept;
    const module =
      machineCode.length === 0
        ? new WebAssembly.Module(wasm)
        : this.#parts.machineCode?.module(wasm, machineCode);
    return module && contentsWith(module, kept);
  }

  #add(digests: Uint32Array, contents: TranslatedModule["contents"], stored?: StoredModule): Known {
    const id = ++this.#lastId;
    const known: Known = { translated: { id, digests, contents }, stored };
    this.#modules.set(id, known);
    digests.forEach((digest, index) => {
      this.#places.set(digest, [...(this.#places.get(digest) ?? []), { known, index }]);
    });
    this.#notePresent(known);
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

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Zero without contents. */
function sizeOf({ translated: { contents } }: Known): number {
  return typeof contents === "string" ? 0 : contents.sizeBytes + contents.regions.length;
}

/** The first of `items` that make a module, and the others. */
function splitBatch<T>(items: readonly T[], regionOf: (item: T) => Uint8Array): [T[], T[]] {
  let bytes = 0;
  let count = 0;
  while (count < items.length && bytes < BATCH_BYTES) bytes += regionOf(items[count++] as T).length;
  return [items.slice(0, count), items.slice(count)];
}

function distinct(regions: readonly Uint8Array[]): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const region of regions)
    if (!found.some((other) => isSameTranslation(other, region))) found.push(region);
  return found;
}

function contentsWith(module: WebAssembly.Module, kept: KeptModule): ModuleContents {
  const { wasm, machineCode, regions } = kept;
  return { module, sizeBytes: wasm.length + machineCode.length, regions: inSharedMemory(regions) };
}

function inSharedMemory(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

function digestsOf(regions: Uint8Array): Uint32Array {
  return Uint32Array.from(regionOffsets(regions), (offset) => digestAt(regions, offset));
}
