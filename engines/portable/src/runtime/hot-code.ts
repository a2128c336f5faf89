// Finds hot code and compiles it. Where slices end by their budget there was a jump, the more often the hotter its target: after a
// few such samples the region there is compiled and entered through the first micro-op of its block, whose handler it becomes.
//
// When the code of a region changes, its micro-ops are overwritten like any others and nothing leads to it any more. Places in
// the table are given back only when all blocks are forgotten.

import {
  CPU_MODE,
  CPU_RIP,
  CPU_STALE_RECORD,
  ENGINE_ARENA_NEXT,
  ENGINE_COUNT_ARENA_RESETS,
  MODE_CODE_MASK,
  MODE_CODE64,
  MODE_SINGLE,
  PAGE_VERSIONS_BASE,
  RAM_BASE,
  RECORD_PAGE_HOST,
  RECORD_PAGE_SIZE,
  RECORD_PAGE_VERSION,
  RECORD_UOPS,
  UOP_ARENA_END,
  UOP_HANDLER,
  UOP_IMM,
  UOP_SIZE,
} from "../layout.ts";
import type { compileImages, formRegionAt } from "../regions/compiler.ts";
import { type RegionImage, unpackNodes } from "../regions/image.ts";
import { regionName } from "../regions/region-name.ts";

interface RegionCompilerModule {
  readonly formRegionAt: typeof formRegionAt;
  readonly compileImages: typeof compileImages;
}

/** Samples at one place that make it hot. */
const HOT = 3;
/** At most this share of the time goes into compiling, after a start that is free. */
const COMPILE_SHARE = 0.15;
const FREE_COMPILE_MS = 30;
const MAX_BYTES = 24 * 1024 * 1024;

/** The compiler brings the instruction tables with it: it is loaded when the machine runs already. */
let compiler: RegionCompilerModule | undefined;

export async function loadRegionCompiler(): Promise<void> {
  compiler ??= await import("../regions/compiler.ts");
}

interface InstalledRegion {
  readonly entryUop: number;
  /** Copy of the entry's micro-op as it was. */
  readonly original: number;
}

export interface HotCodeParts {
  readonly view: DataView;
  readonly memory: WebAssembly.Memory;
  readonly core: WebAssembly.Exports;
  readonly interpreter: WebAssembly.Exports;
  /** First table place behind the handlers. */
  readonly firstSlot: number;
}

export class HotCode {
  readonly #view: DataView;
  /** Area of the vCPU the present call is about. */
  #area = 0;
  readonly #table: WebAssembly.Table;
  readonly #imports: WebAssembly.Imports;
  readonly #enterAt: (cpu: number, linear: bigint) => number;
  readonly #resetBlocks: (cpu: number) => void;
  readonly #firstSlot: number;
  readonly #peekBlock: (cpu: number, linear: bigint) => number;
  readonly #peekAddress: (cpu: number, linear: bigint) => number;
  readonly #samples = new Map<number, number>();
  /** Installed regions by record, and originals of entries by micro-op. */
  readonly #installed = new Map<number, InstalledRegion>();
  readonly #originals = new Map<number, number>();
  readonly #startMs = performance.now();
  #compileMs = 0;
  #bytes = 0;
  #nextSlot: number;
  #resets = 0n;

  constructor({ view, memory, core, interpreter, firstSlot }: HotCodeParts) {
    this.#view = view;
    this.#table = interpreter["handlers"] as WebAssembly.Table;
    const jumpFar = interpreter["jumpFar"] as WebAssembly.ExportValue;
    this.#imports = { hearth: { memory, jumpFar }, core };
    this.#enterAt = core["enterAt"] as (cpu: number, linear: bigint) => number;
    this.#peekBlock = core["peekBlock"] as (cpu: number, linear: bigint) => number;
    this.#peekAddress = core["peekAddress"] as (cpu: number, linear: bigint) => number;
    this.#resetBlocks = core["resetBlocks"] as (cpu: number) => void;
    this.#firstSlot = firstSlot;
    this.#nextSlot = firstSlot;
  }

  /** A slice of the vCPU at `area` ended here by its budget. */
  sample(area: number): void {
    this.#area = area;
    this.#dropStale();
    const uop = this.#entryUop();
    if (uop === 0) return;
    const count = (this.#samples.get(uop) ?? 0) + 1;
    this.#samples.set(uop, count);
    if (count < HOT) return;
    if (compiler === undefined) void loadRegionCompiler();
    else if (!this.#isOverspent()) this.#compile(uop);
  }

  /** Compiles the code at RIP now; false when there is nothing to compile. For tests. */
  compileHere(area: number): boolean {
    this.#area = area;
    const uop = this.#entryUop();
    return uop !== 0 && this.#compile(uop);
  }

  /** The micro-op at RIP, decoded if need be; 0 where regions do not reach. */
  #entryUop(): number {
    const mode = this.#view.getUint32(this.#area + CPU_MODE, true);
    if ((mode & MODE_CODE_MASK) !== MODE_CODE64 || (mode & MODE_SINGLE) !== 0) return 0;
    this.#noticeReset();
    return this.#enterAt(this.#area, this.#view.getBigUint64(this.#area + CPU_RIP, true));
  }

  #noticeReset(): void {
    const resets = this.#view.getBigUint64(ENGINE_COUNT_ARENA_RESETS, true);
    if (resets === this.#resets) return;
    this.#resets = resets;
    this.#samples.clear();
    this.#installed.clear();
    this.#originals.clear();
    this.#nextSlot = this.#firstSlot;
    this.#bytes = 0;
  }

  #isOverspent(): boolean {
    return this.#compileMs > FREE_COMPILE_MS + COMPILE_SHARE * (performance.now() - this.#startMs);
  }

  #compile(uop: number): boolean {
    const current = this.#view.getUint32(uop + UOP_HANDLER, true);
    if (current >= this.#firstSlot) return false;
    if (this.#nextSlot >= this.#table.length || this.#bytes > MAX_BYTES) {
      this.#resetBlocks(this.#area);
      return false;
    }
    const startMs = performance.now();
    const rip = this.#view.getBigUint64(this.#area + CPU_RIP, true);
    const image = compiler?.formRegionAt(this.#source(), rip);
    if (image) this.#install(image, uop, rip);
    this.#compileMs += performance.now() - startMs;
    return image !== undefined;
  }

  #source() {
    return {
      view: this.#view,
      peekBlock: (linear: bigint) => this.#peekBlock(this.#area, linear),
      originalUop: (uop: number) => this.#originals.get(uop) ?? uop,
    };
  }

  #install(image: RegionImage, uop: number, rip: bigint): void {
    const record = this.#writeRecord(image, rip & ~0xfffn);
    if (record === undefined) return;
    const bytes = (compiler as RegionCompilerModule).compileImages([image], [regionName(rip)]);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.#imports);
    const slot = this.#nextSlot++;
    this.#table.set(slot, exports["r0"]);
    const original = record + RECORD_UOPS + (unpackNodes(image.nodes)[0]?.first ?? 0) * UOP_SIZE;
    this.#installed.set(record, { entryUop: uop, original });
    this.#originals.set(uop, original);
    this.#view.setUint32(uop + UOP_HANDLER, slot, true);
    this.#view.setBigUint64(uop + UOP_IMM, BigInt(record), true);
    this.#bytes += bytes.length;
  }

  /** The region's record in the arena; undefined when it is full or a page is not mapped any more. */
  #writeRecord(image: RegionImage, page: bigint): number | undefined {
    const record = this.#view.getUint32(ENGINE_ARENA_NEXT, true);
    const end = record + RECORD_UOPS + image.uops.length;
    if (end > UOP_ARENA_END) return undefined;
    const hosts = Array.from(image.pages, (distance) =>
      this.#peekAddress(this.#area, BigInt.asUintN(64, page + (BigInt(distance) << 12n))),
    );
    if (hosts.includes(0)) return undefined;
    hosts.forEach((host, i) => {
      const version = this.#view.getUint32(PAGE_VERSIONS_BASE + ((host - RAM_BASE) >>> 12) * 4, true);
      this.#view.setUint32(record + i * RECORD_PAGE_SIZE + RECORD_PAGE_HOST, host, true);
      this.#view.setUint32(record + i * RECORD_PAGE_SIZE + RECORD_PAGE_VERSION, version, true);
    });
    new Uint8Array(this.#view.buffer).set(image.uops, this.#view.byteOffset + record + RECORD_UOPS);
    this.#view.setUint32(ENGINE_ARENA_NEXT, end, true);
    return record;
  }

  /** A region that leads to code which was dropped is entered no more; it is formed anew when it is hot again. */
  #dropStale(): void {
    const record = this.#view.getUint32(this.#area + CPU_STALE_RECORD, true);
    if (record === 0) return;
    this.#view.setUint32(this.#area + CPU_STALE_RECORD, 0, true);
    const stale = this.#installed.get(record);
    if (stale === undefined || this.#view.getUint32(stale.entryUop + UOP_HANDLER, true) < this.#firstSlot)
      return;
    const memory = new Uint8Array(this.#view.buffer, this.#view.byteOffset);
    memory.copyWithin(stale.entryUop, stale.original, stale.original + UOP_SIZE);
    this.#originals.delete(stale.entryUop);
    this.#installed.delete(record);
    this.#samples.delete(stale.entryUop);
  }
}
