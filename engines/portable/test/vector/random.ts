// Random numbers with a seed that can be printed, and bits that are likely to matter to vector instructions.

/** A generator of 32-bit numbers (xorshift with a Weyl sequence, after Marsaglia). */
export class Random {
  #state: number;
  #weyl = 362437;

  constructor(seed: number) {
    this.#state = (seed << 1) | 1;
    for (let i = 0; i < 8; i++) this.u32();
  }

  u32(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    this.#weyl = (this.#weyl + 0x9e3779b9) | 0;
    return (x + this.#weyl) >>> 0;
  }

  below(limit: number): number {
    return this.u32() % limit;
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

const SINGLES = [
  0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc01234, 0x7f800001,
  0xff812345, 1, 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x4effffff, 0x4f000000,
  0xcf000000, 0xcf000001, 0x3f000000, 0x3fc00000, 0xc0200000, 0x4b000001, 0x5f000000, 0xdf000000, 0x5effffff,
  0x3effffff, 0x7e800000, 0x00ffffff,
];
const DOUBLES = [
  0n,
  0x8000000000000000n,
  0x3ff0000000000000n,
  0xbff0000000000000n,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x7ff8000000000000n,
  0xfff8000000012345n,
  0x7ff0000000000001n,
  0xfff4000000000000n,
  1n,
  0x000fffffffffffffn,
  0x0010000000000000n,
  0x7fefffffffffffffn,
  0x41dfffffffc00000n,
  0x41dfffffffe00000n,
  0x41e0000000000000n,
  0xc1e0000000000000n,
  0xc1e0000000200000n,
  0x43e0000000000000n,
  0xc3e0000000000000n,
  0x3fe0000000000000n,
  0x3ff8000000000000n,
  0xc004000000000000n,
  0x380fffffffffffffn,
  0x47efffffefffffffn,
  0x36a0000000000000n,
  0x4330000000000001n,
];

/** Fills 16 bytes with one of several kinds of lanes. */
function fillVector(random: Random, view: DataView, at: number): void {
  const kind = random.below(6);
  for (let i = 0; i < 16; i += 4) {
    if (kind === 0) view.setUint32(at + i, random.u32(), true);
    else if (kind === 1) view.setUint32(at + i, random.pick(SINGLES), true);
    else if (kind === 2 && i % 8 === 0) view.setBigUint64(at + i, random.pick(DOUBLES), true);
    else if (kind === 3) view.setUint32(at + i, (0x3f000000 + (random.u32() & 0x81ffffff)) >>> 0, true);
    else if (kind === 4 && i % 8 === 0)
      view.setBigUint64(
        at + i,
        (random.u64() & 0x800fffffffffffffn) + (BigInt(0x3f0 + random.below(0x60)) << 52n),
        true,
      );
    else if (kind === 5)
      for (let b = 0; b < 4; b++)
        view.setUint8(at + i + b, random.pick([0, 1, 0x61, 0x62, 0x7a, 0x7f, 0x80, 0xff, random.below(256)]));
  }
}

/** Fills a buffer whose length is a multiple of 16 with vectors of all kinds. */
export function fillVectors(random: Random, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += 16) fillVector(random, view, at);
}
