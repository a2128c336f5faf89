// Pages of guest code as regions see them: where a linear page lies in the memory, and which version of its code is there.

import {
  BLOCK_HEADER_SIZE,
  BLOCK_HOST,
  CPU_MODE,
  CPU_TLB,
  PAGE_VERSIONS_BASE,
  RAM_BASE,
} from "../../layout.ts";
import type { HotPlace } from "./hot-ring.ts";

/** A page that a region goes over. */
export interface RegionPage {
  /** Offset in the memory. */
  readonly host: number;
  /** How often its code had been dropped when the region was formed. */
  readonly version: number;
}

/** Exports of the core for looking at code without running it. */
export interface CoreLookup {
  /** Micro-ops of the block decoded at a linear address; 0 when there is none. */
  peekBlock(cpu: number, linear: bigint): number;
  /** Offset in the memory; 0 when the page is not mapped, or unknown since its address space is not the present one. */
  peekAddress(cpu: number, linear: bigint): number;
  /** Writes to these bytes count as changes of code. False when the arena is full. */
  watchCode(cpu: number, host: number, bytes: number): number;
}

/** At most so many times code of a page may be changed, counted over about a second, for it to be compiled. */
const MAX_RECENT_CHANGES = 24;
const HALF_LIFE_MS = 500;

interface PageHistory {
  version: number;
  /** Changes between uses of the page by regions, fading with time. */
  changes: number;
  lastMs: number;
}

export class CodePages {
  readonly #view: DataView;
  readonly #lookup: CoreLookup;
  readonly #histories = new Map<number, PageHistory>();

  constructor(view: DataView, lookup: CoreLookup) {
    this.#view = view;
    this.#lookup = lookup;
  }

  versionOf(host: number): number {
    return this.#view.getUint32(PAGE_VERSIONS_BASE + ((host - RAM_BASE) >>> 12) * 4, true);
  }

  /** Does the page hold the code it held then? */
  isCurrent({ host, version }: RegionPage): boolean {
    return this.versionOf(host) === version;
  }

  /** The pages at these distances from the page of `linear`, for the vCPU at `area`; undefined when one is not found. */
  find(area: number, linear: bigint, distances: Int32Array): readonly RegionPage[] | undefined {
    const pages: RegionPage[] = [];
    for (const distance of distances) {
      const page = BigInt.asUintN(64, (linear & ~0xfffn) + (BigInt(distance) << 12n));
      const host = this.#lookup.peekAddress(area, page);
      if (host === 0) return undefined;
      pages.push({ host: host >>> 0, version: this.versionOf(host >>> 0) });
    }
    return pages;
  }

  /** Notes that a region uses these pages. False when one is written and executed by turns. */
  areSteady(pages: readonly RegionPage[]): boolean {
    const nowMs = performance.now();
    let isSteady = true;
    for (const { host, version } of pages) {
      const history = this.#histories.get(host);
      if (history === undefined) {
        this.#histories.set(host, { version, changes: 0, lastMs: nowMs });
        continue;
      }
      const faded = history.changes * 2 ** ((history.lastMs - nowMs) / HALF_LIFE_MS);
      history.changes = faded + Math.min(version - history.version, 1);
      history.version = version;
      history.lastMs = nowMs;
      if (history.changes > MAX_RECENT_CHANGES) isSteady = false;
    }
    return isSteady;
  }

  /** Calls `look` with the vCPU as it was when the place was seen. Undefined when the place is not found, or other code is there. */
  at<T>(area: number, place: HotPlace, look: () => T | undefined): T | undefined {
    const view = this.#view;
    const bank = view.getUint32(area + CPU_TLB, true);
    const mode = view.getUint32(area + CPU_MODE, true);
    view.setUint32(area + CPU_TLB, place.bank, true);
    view.setUint32(area + CPU_MODE, place.mode, true);
    try {
      const host = this.#lookup.peekAddress(area, place.linear) >>> 0;
      const decodedFrom = view.getUint32(place.uop - BLOCK_HEADER_SIZE + BLOCK_HOST, true);
      return host === decodedFrom ? look() : undefined;
    } finally {
      view.setUint32(area + CPU_TLB, bank, true);
      view.setUint32(area + CPU_MODE, mode, true);
    }
  }
}
