// Translations a machine has: its own, and those of other machines and earlier runs. Each is found by the digest of the block it is
// entered through; the core looks for these digests among the blocks it decodes. Modules are few enough by count and size: the one
// whose regions have not been wanted for longest goes first.

import { KNOWN_BLOCKS_BASE, KNOWN_BLOCKS_BITS } from "../../layout.ts";
import { digestAt, regionOffsets, unpackRegion } from "./region-data.ts";
import type { HotRegion, KnownModule } from "./translator.ts";

const MAX_MODULES = 512;
const MAX_BYTES = 48 * 1024 * 1024;
/** Half of the core's table, so that looking there stays short. */
const MAX_DIGESTS = 1 << (KNOWN_BLOCKS_BITS - 1);

/** A function of a module, and what it was made from. */
export interface KnownRegion {
  readonly module: WebAssembly.Module;
  /** Index of the function. */
  readonly index: number;
  readonly regions: Uint8Array<ArrayBuffer>;
  readonly offset: number;
}

export class KnownRegions {
  readonly #view: DataView;
  readonly #byDigest = new Map<number, KnownRegion[]>();
  /** Sizes of modules, the one longest unused first. */
  readonly #modules = new Map<WebAssembly.Module, number>();
  readonly #dropModule: (module: WebAssembly.Module) => void;
  #bytes = 0;
  #digests = 0;

  /** `dropModule` is called when a module is given up. */
  constructor(view: DataView, dropModule: (module: WebAssembly.Module) => void) {
    this.#view = view;
    this.#dropModule = dropModule;
  }

  /** Regions that are entered through a block with this digest, the latest first. */
  candidates(digest: number): readonly KnownRegion[] {
    return this.#byDigest.get(digest) ?? [];
  }

  regionOf({ regions, offset }: KnownRegion): HotRegion {
    return unpackRegion(regions, offset);
  }

  add({ module, sizeBytes, regions }: KnownModule): void {
    this.#modules.set(module, sizeBytes + regions.length);
    this.#bytes += sizeBytes + regions.length;
    regionOffsets(regions).forEach((offset, index) => {
      const digest = digestAt(regions, offset);
      const others = this.#byDigest.get(digest) ?? [];
      if (others.length === 0) this.#tellCore(digest);
      this.#byDigest.set(digest, [{ module, index, regions, offset }, ...others]);
    });
    while (this.#modules.size > MAX_MODULES || this.#bytes > MAX_BYTES) this.#giveUpOldest();
  }

  /** A region of the module is in use. */
  noteUse(module: WebAssembly.Module): void {
    const sizeBytes = this.#modules.get(module);
    if (sizeBytes === undefined) return;
    this.#modules.delete(module);
    this.#modules.set(module, sizeBytes);
  }

  #giveUpOldest(): void {
    const [module, sizeBytes] = this.#modules.entries().next().value as [WebAssembly.Module, number];
    this.#modules.delete(module);
    this.#bytes -= sizeBytes;
    for (const [digest, regions] of this.#byDigest) {
      const others = regions.filter((region) => region.module !== module);
      if (others.length === regions.length) continue;
      // The core goes on to report the digest, which then leads nowhere.
      if (others.length === 0) this.#byDigest.delete(digest);
      else this.#byDigest.set(digest, others);
    }
    this.#dropModule(module);
  }

  #tellCore(digest: number): void {
    if (this.#digests >= MAX_DIGESTS) return;
    const mask = (1 << KNOWN_BLOCKS_BITS) - 1;
    for (let i = digest & mask; ; i = (i + 1) & mask) {
      const found = this.#view.getUint32(KNOWN_BLOCKS_BASE + i * 4, true);
      if (found === digest) return;
      if (found !== 0) continue;
      this.#view.setUint32(KNOWN_BLOCKS_BASE + i * 4, digest, true);
      this.#digests++;
      return;
    }
  }
}
