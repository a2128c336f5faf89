// System.map of a kernel, as its build writes it: "address type name" a line, and a look-up by address.

/** The kernel's own addresses at which it runs before paging is set up: physical ones. */
const KERNEL_MAP = 0xffff_ffff_8000_0000n;
const PHYSICAL_LIMIT = 0x4000_0000n;
/** A symbol does not reach further than this. */
const MAX_REACH = 0x10_0000n;

export class SystemMap {
  readonly #addresses: BigUint64Array;
  readonly #names: readonly string[];

  private constructor(addresses: BigUint64Array, names: readonly string[]) {
    this.#addresses = addresses;
    this.#names = names;
  }

  /** Lines that are no symbols are left out. Only code is kept: types t and w of either case. */
  static parse(text: string): SystemMap {
    const symbols: [bigint, string][] = [];
    for (const line of text.split("\n")) {
      const match = /^([0-9a-f]{8,16}) [tTwW] (\S+)/.exec(line);
      if (match) symbols.push([BigInt(`0x${match[1]}`), match[2] as string]);
    }
    symbols.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return new SystemMap(
      BigUint64Array.from(symbols, ([address]) => address),
      symbols.map(([, name]) => name),
    );
  }

  get size(): number {
    return this.#names.length;
  }

  /** The symbol that `address` is in; undefined outside of the kernel. */
  nameAt(address: bigint): string | undefined {
    const linear = address < PHYSICAL_LIMIT ? address + KERNEL_MAP : address;
    let low = 0;
    let high = this.#addresses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#addresses[middle] as bigint) <= linear) low = middle + 1;
      else high = middle;
    }
    const start = this.#addresses[low - 1];
    return start === undefined || linear - start > MAX_REACH ? undefined : this.#names[low - 1];
  }
}
