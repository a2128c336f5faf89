// Regions that can be entered: each has a place in the handlers' table and takes the place of its entry's micro-op. When code
// changes, that micro-op is overwritten like any other and nothing leads to the region any more; its place is found to be free
// when one is wanted.

import {
  CPU_STALE_RECORD,
  ENGINE_ARENA_NEXT,
  RECORD_PAGE_HOST,
  RECORD_PAGE_SIZE,
  RECORD_PAGE_VERSION,
  RECORD_UOPS,
  UOP_ARENA_END,
  UOP_HANDLER,
  UOP_IMM,
  UOP_SIZE,
} from "../../layout.ts";
import { type RegionImage, unpackNodes } from "../../regions/image.ts";
import type { RegionPage } from "./code-pages.ts";

/** A compiled region, ready to be entered. */
export interface EnterableRegion {
  readonly image: RegionImage;
  readonly entryUop: number;
  /** In the order of `image.pages`. */
  readonly pages: readonly RegionPage[];
  readonly run: WebAssembly.ExportValue;
  /** Number of the module it is a function of. */
  readonly moduleId: number;
}

interface Installed {
  readonly slot: number;
  readonly entryUop: number;
  /** Copy of the entry's micro-op as it was. */
  readonly original: number;
  readonly record: number;
  readonly recordBytes: number;
  readonly moduleId: number;
}

interface Space {
  readonly address: number;
  readonly bytes: number;
}

export class RegionSlots {
  readonly #view: DataView;
  readonly #table: WebAssembly.Table;
  readonly #firstSlot: number;
  #freeSlots: number[] = [];
  #nextSlot: number;
  /** By record, the oldest first. */
  readonly #installed = new Map<number, Installed>();
  readonly #originals = new Map<number, number>();
  #installs = 0;
  /** Records of regions that are gone. */
  #spaces: Space[] = [];

  constructor(view: DataView, table: WebAssembly.Table, firstSlot: number) {
    this.#view = view;
    this.#table = table;
    this.#firstSlot = firstSlot;
    this.#nextSlot = firstSlot;
  }

  get count(): number {
    return this.#installed.size;
  }

  /** Regions installed since power-on. */
  get installs(): number {
    return this.#installs;
  }

  /** Is a region entered through this micro-op? */
  isEntry(uop: number): boolean {
    return this.#view.getUint32(uop + UOP_HANDLER, true) >= this.#firstSlot;
  }

  /** Where the original of a micro-op is, which is elsewhere when a region is entered through it. */
  originalUop(uop: number): number {
    return this.isEntry(uop) ? (this.#originals.get(uop) ?? uop) : uop;
  }

  /** False when there is no place in the table or in the arena. */
  install(region: EnterableRegion): boolean {
    const recordBytes = RECORD_UOPS + region.image.uops.length;
    const slot = this.#takeSlot();
    if (slot === undefined) return false;
    const record = this.#takeSpace(recordBytes);
    if (record === undefined) {
      this.#freeSlots.push(slot);
      return false;
    }
    this.#writeRecord(record, region);
    const entryIndex = unpackNodes(region.image.nodes)[0]?.first ?? 0;
    const original = record + RECORD_UOPS + entryIndex * UOP_SIZE;
    const { entryUop, moduleId } = region;
    this.#installs++;
    this.#table.set(slot, region.run);
    this.#installed.set(record, { slot, entryUop, original, record, recordBytes, moduleId });
    this.#originals.set(entryUop, original);
    this.#view.setUint32(entryUop + UOP_HANDLER, slot, true);
    this.#view.setBigUint64(entryUop + UOP_IMM, BigInt(record), true);
    return true;
  }

  /** The vCPU at `area` found a region out of date: it is entered no more. */
  dropStale(area: number): void {
    const record = this.#view.getUint32(area + CPU_STALE_RECORD, true);
    if (record === 0) return;
    this.#view.setUint32(area + CPU_STALE_RECORD, 0, true);
    const stale = this.#installed.get(record);
    if (stale !== undefined) this.#remove(stale);
  }

  /** Drops all regions of a module. */
  dropModule(id: number): void {
    for (const installed of this.#installed.values()) if (installed.moduleId === id) this.#remove(installed);
  }

  /** Frees what regions hold to which nothing leads any more. */
  sweep(): void {
    for (const installed of this.#installed.values()) if (!this.#isLed(installed)) this.#remove(installed);
  }

  /** All micro-ops have been forgotten, and the records with them. */
  forgetAll(): void {
    for (const { slot } of this.#installed.values()) this.#table.set(slot, null);
    this.#installed.clear();
    this.#originals.clear();
    this.#spaces = [];
    this.#freeSlots = [];
    this.#nextSlot = this.#firstSlot;
  }

  #isLed({ entryUop, slot }: Installed): boolean {
    return this.#view.getUint32(entryUop + UOP_HANDLER, true) === slot;
  }

  #remove(installed: Installed): void {
    const { entryUop, original, record, recordBytes, slot } = installed;
    if (this.#isLed(installed)) {
      const memory = new Uint8Array(this.#view.buffer, this.#view.byteOffset);
      memory.copyWithin(entryUop, original, original + UOP_SIZE);
    }
    if (this.#originals.get(entryUop) === original) this.#originals.delete(entryUop);
    this.#installed.delete(record);
    this.#table.set(slot, null);
    this.#freeSlots.push(slot);
    this.#spaces.push({ address: record, bytes: recordBytes });
  }

  #takeSlot(): number | undefined {
    if (this.#freeSlots.length === 0 && this.#nextSlot >= this.#table.length) this.sweep();
    const free = this.#freeSlots.pop();
    if (free !== undefined) return free;
    return this.#nextSlot < this.#table.length ? this.#nextSlot++ : undefined;
  }

  /** Address of so many bytes in the arena: of a record that is gone, else new. */
  #takeSpace(bytes: number): number | undefined {
    const reused = this.#spaces.findIndex((space) => space.bytes >= bytes && space.bytes <= 2 * bytes);
    if (reused >= 0) return (this.#spaces.splice(reused, 1)[0] as Space).address;
    const address = this.#view.getUint32(ENGINE_ARENA_NEXT, true);
    if (address + bytes > UOP_ARENA_END) return undefined;
    this.#view.setUint32(ENGINE_ARENA_NEXT, address + bytes, true);
    return address;
  }

  #writeRecord(record: number, { image, pages }: EnterableRegion): void {
    pages.forEach(({ host, version }, i) => {
      this.#view.setUint32(record + i * RECORD_PAGE_SIZE + RECORD_PAGE_HOST, host, true);
      this.#view.setUint32(record + i * RECORD_PAGE_SIZE + RECORD_PAGE_VERSION, version, true);
    });
    new Uint8Array(this.#view.buffer, this.#view.byteOffset).set(image.uops, record + RECORD_UOPS);
  }
}
