// Translations a machine has: its own, and those of other machines and earlier runs. Each is found by the digest of the block it is
// entered through; the core looks for these digests among the blocks it decodes. Modules are few enough by count and size: the one
// whose regions have not been wanted for longest goes first. What is only known, and not made, counts with its regions alone.

import { KNOWN_BLOCKS_BASE, KNOWN_BLOCKS_BITS } from "../../layout.ts";
import { digestAt, regionOffsets, unpackRegion } from "../../translation/region-data.ts";
import type { HotRegion, TranslatedModule } from "../../translation/translator.ts";

const MAX_MODULES = 1500;
const MAX_BYTES = 48 * 1024 * 1024;
/** Half of the core's table, so that looking there stays short. */
const MAX_DIGESTS = 1 << (KNOWN_BLOCKS_BITS - 1);

/** A function of a module, and where among the module's regions that is which it was made from. */
export interface KnownRegion {
  readonly translated: TranslatedModule;
  /** Index of the function. */
  readonly index: number;
  readonly offset: number;
}

type Place = Omit<KnownRegion, "translated"> & { readonly id: number };

export class KnownRegions {
  readonly #view: DataView;
  readonly #byDigest = new Map<number, Place[]>();
  /** By their numbers, the one longest unused first. */
  readonly #modules = new Map<number, TranslatedModule>();
  readonly #dropModule: (id: number) => void;
  #bytes = 0;
  #made = 0;
  #digests = 0;

  /** `dropModule` is called with its number when a module is given up. */
  constructor(view: DataView, dropModule: (id: number) => void) {
    this.#view = view;
    this.#dropModule = dropModule;
  }

  /** Regions that are entered through a block with this digest, the latest first. */
  candidates(digest: number): readonly KnownRegion[] {
    const places = this.#byDigest.get(digest) ?? [];
    return places.map(({ id, ...place }) => ({
      ...place,
      translated: this.#modules.get(id) as TranslatedModule,
    }));
  }

  regionOf({ translated, offset }: KnownRegion): HotRegion {
    return unpackRegion(translated.regions, offset);
  }

  /** Takes a module in, or what was known without being made and is made now. Answers what is held under its number. */
  add(translated: TranslatedModule): TranslatedModule {
    const { id } = translated;
    const present = this.#modules.get(id);
    if (present !== undefined && (present.module !== undefined || translated.module === undefined))
      return present;
    this.#modules.set(id, translated);
    this.#bytes += sizeOf(translated) - (present ? sizeOf(present) : 0);
    if (translated.module !== undefined) this.#made++;
    if (present === undefined) this.#addRegions(translated);
    while (this.#made > MAX_MODULES || this.#bytes > MAX_BYTES) this.#giveUpOldest();
    return translated;
  }

  #addRegions(translated: TranslatedModule): void {
    const { id } = translated;
    regionOffsets(translated.regions).forEach((offset, index) => {
      const digest = digestAt(translated.regions, offset);
      const others = this.#byDigest.get(digest) ?? [];
      if (others.length === 0) this.#tellCore(digest);
      this.#byDigest.set(digest, [{ id, index, offset }, ...others]);
    });
  }

  /** A region of the module is in use. */
  noteUse(translated: TranslatedModule): void {
    if (this.#modules.delete(translated.id)) this.#modules.set(translated.id, translated);
  }

  #giveUpOldest(): void {
    const [id, oldest] = this.#modules.entries().next().value as [number, TranslatedModule];
    this.#modules.delete(id);
    this.#bytes -= sizeOf(oldest);
    if (oldest.module !== undefined) this.#made--;
    for (const offset of regionOffsets(oldest.regions)) {
      const digest = digestAt(oldest.regions, offset);
      const others = (this.#byDigest.get(digest) ?? []).filter((place) => place.id !== id);
      // The core goes on to report the digest, which then leads nowhere.
      if (others.length === 0) this.#byDigest.delete(digest);
      else this.#byDigest.set(digest, others);
    }
    this.#dropModule(id);
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

function sizeOf({ module, sizeBytes, regions }: TranslatedModule): number {
  return (module === undefined ? 0 : sizeBytes) + regions.length;
}
