// Translations a machine has: its own, and those of other machines and earlier runs. Each is found by the digest of the block it is
// entered through; the core looks for these digests among the blocks it decodes. Modules are few enough by count and size: the one
// whose regions have not been wanted for longest goes first. What is only kept somewhere takes no room here.

import { KNOWN_BLOCKS_BASE, KNOWN_BLOCKS_BITS } from "../../layout.ts";
import { regionAt, unpackRegion } from "../../translation/region-data.ts";
import type { HotRegion, ModuleContents, TranslatedModule } from "../../translation/translator.ts";

const MAX_MODULES = 1500;
const MAX_BYTES = 80 * 1024 * 1024;
/** Half of the core's table, so that looking there stays short. */
const MAX_DIGESTS = 1 << (KNOWN_BLOCKS_BITS - 1);

/** A function of a module. */
export interface KnownRegion {
  readonly translated: TranslatedModule;
  readonly index: number;
}

interface Place {
  readonly id: number;
  readonly index: number;
}

/** The region that function `index` was made from. */
export function regionOf({ regions }: ModuleContents, index: number): HotRegion {
  return unpackRegion(regionAt(regions, index), 0);
}

export class KnownRegions {
  readonly #view: DataView;
  readonly #byDigest = new Map<number, Place[]>();
  /** By their numbers. */
  readonly #kept = new Map<number, TranslatedModule>();
  /** With their contents, by their numbers: the one longest unused first. */
  readonly #modules = new Map<number, TranslatedModule>();
  readonly #dropModule: (id: number) => void;
  #bytes = 0;
  #digests = 0;

  /** `dropModule` is called with its number when a module is given up. */
  constructor(view: DataView, dropModule: (id: number) => void) {
    this.#view = view;
    this.#dropModule = dropModule;
  }

  /** Regions that are entered through a block with this digest, the latest first. */
  candidates(digest: number): readonly KnownRegion[] {
    const places = this.#byDigest.get(digest) ?? [];
    return places.map(({ id, index }) => ({
      index,
      translated: (this.#modules.get(id) ?? this.#kept.get(id)) as TranslatedModule,
    }));
  }

  /** Takes a module in, or the contents of one that was kept. Answers what is held under its number. */
  add(translated: TranslatedModule): TranslatedModule {
    const { id, contents } = translated;
    const present = this.#modules.get(id);
    if (present !== undefined) return present;
    const isNew = !this.#kept.has(id);
    if (contents === "lost") this.#forget(this.#kept.get(id) ?? translated);
    else if (isNew) this.#addPlaces(translated);
    if (contents === "kept") this.#kept.set(id, translated);
    else this.#kept.delete(id);
    if (typeof contents === "object") this.#addContents(translated, contents);
    return translated;
  }

  #addContents(translated: TranslatedModule, contents: ModuleContents): void {
    this.#modules.set(translated.id, translated);
    this.#bytes += sizeOf(contents);
    while (this.#modules.size > MAX_MODULES || this.#bytes > MAX_BYTES) this.#giveUpOldest();
  }

  #addPlaces({ id, digests }: TranslatedModule): void {
    digests.forEach((digest, index) => {
      const others = this.#byDigest.get(digest) ?? [];
      if (others.length === 0) this.#tellCore(digest);
      this.#byDigest.set(digest, [{ id, index }, ...others]);
    });
  }

  /** A region of the module is in use. */
  noteUse(translated: TranslatedModule): void {
    if (this.#modules.delete(translated.id)) this.#modules.set(translated.id, translated);
  }

  #giveUpOldest(): void {
    const [id, oldest] = this.#modules.entries().next().value as [number, TranslatedModule];
    this.#modules.delete(id);
    this.#bytes -= sizeOf(oldest.contents as ModuleContents);
    this.#forget(oldest);
    this.#dropModule(id);
  }

  /** The core goes on to report digests that then lead nowhere. */
  #forget({ id, digests }: TranslatedModule): void {
    for (const digest of digests) {
      const others = (this.#byDigest.get(digest) ?? []).filter((place) => place.id !== id);
      if (others.length === 0) this.#byDigest.delete(digest);
      else this.#byDigest.set(digest, others);
    }
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

function sizeOf({ sizeBytes, regions }: ModuleContents): number {
  return sizeBytes + regions.length;
}
