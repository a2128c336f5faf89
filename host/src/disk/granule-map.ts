// A set of granule numbers as a bitmap, with the questions a copy-on-write disk asks of it.

/** Which granules of a disk are in its overlay. */
export class GranuleMap {
  readonly #words: Uint32Array;
  #count = 0;

  constructor(granules: number) {
    this.#words = new Uint32Array(Math.ceil(granules / 32));
  }

  /** How many are in. */
  get count(): number {
    return this.#count;
  }

  has(granule: number): boolean {
    return ((this.#words[granule >>> 5]! >>> (granule & 31)) & 1) !== 0;
  }

  hasAll(first: number, last: number): boolean {
    for (let granule = first; granule <= last; granule++) if (!this.has(granule)) return false;
    return true;
  }

  addAll(first: number, last: number): void {
    for (let granule = first; granule <= last; granule++) {
      if (this.has(granule)) continue;
      this.#words[granule >>> 5]! |= 1 << (granule & 31);
      this.#count++;
    }
  }

  /** The first granule from `granule` up to `last` that is not where `granule` is, or the one after `last`. */
  endOfRun(granule: number, last: number): number {
    const isIn = this.has(granule);
    let end = granule + 1;
    while (end <= last && this.has(end) === isIn) end++;
    return end;
  }
}
