/*
 * Operands worth trying: every special encoding, neighbours of every boundary, halfway cases, and plain
 * random bits. The generator is a 64-bit xorshift*, so that a printed seed repeats a run anywhere.
 */

/** A repeatable source of random numbers. */
export class FloatRandom {
  #state: bigint;

  constructor(seed: bigint) {
    this.#state = BigInt.asUintN(64, seed * 0x9e3779b97f4a7c15n) | 1n;
  }

  /** 64 random bits. */
  bits(): bigint {
    let x = this.#state;
    x ^= x >> 12n;
    x = BigInt.asUintN(64, x ^ (x << 25n));
    x ^= x >> 27n;
    this.#state = x;
    return BigInt.asUintN(64, x * 0x2545f4914f6cdd1dn);
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return Number((this.bits() >> 11n) % BigInt(limit));
  }

  /** One element of a list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

const ALL_ONES = 0xffffffffffffffffn;
const TOP = 1n << 63n;

/** 64-bit patterns that sit on rounding boundaries: few bits set, runs of ones, plain random. */
export function pattern(random: FloatRandom): bigint {
  const run = BigInt(random.below(65));
  switch (random.below(6)) {
    case 0:
      return random.bits();
    case 1:
      return BigInt.asUintN(64, (1n << run) - 1n);
    case 2:
      return BigInt.asUintN(64, ALL_ONES << run);
    case 3:
      return BigInt.asUintN(64, (1n << run) | (1n << BigInt(random.below(64))));
    case 4:
      return BigInt.asUintN(64, (random.bits() << run) ^ BigInt(random.below(4) - 1));
    default:
      return BigInt.asUintN(64, ((random.bits() | 1n) << run) | BigInt(random.below(2)));
  }
}

/** Sixteen bytes holding a value, low byte first. */
export function bytesOf(value: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt.asUintN(64, value), true);
  view.setBigUint64(8, BigInt.asUintN(64, value >> 64n), true);
  return bytes;
}

/** Sign and exponent, and significand, as one 80-bit number. */
export function f80(signExponent: number, significand: bigint): bigint {
  return (BigInt(signExponent) << 64n) | significand;
}

/** The encodings with a meaning of their own, positive. */
const SPECIAL_F80: readonly bigint[] = [
  f80(0, 0n),
  f80(0, 1n),
  f80(0, TOP - 1n),
  f80(0, TOP),
  f80(0, ALL_ONES),
  f80(1, TOP),
  f80(1, TOP | 1n),
  f80(1, 0n),
  f80(0x3fff, TOP),
  f80(0x3ffe, TOP),
  f80(0x3fff, TOP | 1n),
  f80(0x3ffe, ALL_ONES),
  f80(0x4000, 1n),
  f80(0x403e, TOP),
  f80(0x403d, ALL_ONES),
  f80(0x7ffe, ALL_ONES),
  f80(0x7ffe, TOP),
  f80(0x7fff, TOP),
  f80(0x7fff, TOP | 1n),
  f80(0x7fff, 0xc000000000000000n),
  f80(0x7fff, 0xc000000000000001n),
  f80(0x7fff, ALL_ONES),
  f80(0x7fff, 0xbfffffffffffffffn),
  f80(0x7fff, 0n),
  f80(0x7fff, 1n),
  f80(0x7fff, 0x7fffffffffffffffn),
];

/** Exponents around which formats, integers and shifts change their behaviour. */
const EXPONENTS: readonly number[] = [
  0, 1, 2, 40, 64, 65, 0x1fff, 0x2000, 0x3bcc, 0x3bff, 0x3c00, 0x3c01, 0x3f68, 0x3f80, 0x3f81, 0x3fbf, 0x3ffe,
  0x3fff, 0x4000, 0x400d, 0x400e, 0x401d, 0x401e, 0x403a, 0x403d, 0x403e, 0x403f, 0x407e, 0x407f, 0x43fe,
  0x43ff, 0x5fff, 0x6000, 0x7fbf, 0x7ffc, 0x7ffd, 0x7ffe,
];

/** A random 80-bit operand. */
export function randomF80(random: FloatRandom): bigint {
  const sign = random.below(2) * 0x8000;
  const choice = random.below(16);
  if (choice < 2) return random.pick(SPECIAL_F80) | (BigInt(sign) << 64n);
  if (choice === 2) return f80(random.below(0x10000), random.bits());
  let exponent = random.pick(EXPONENTS) + random.below(5) - 2;
  if (choice > 8) exponent = 0x3fff - 70 + random.below(140);
  exponent = Math.min(0x7fff, Math.max(0, exponent));
  const significand = pattern(random);
  if (exponent === 0) return f80(sign, random.below(8) === 0 ? significand : significand & ~TOP);
  return f80(sign | exponent, random.below(64) === 0 ? significand : significand | TOP);
}

/** A second operand: often unrelated, often near the first in exponent or in value. */
export function randomPartner(random: FloatRandom, first: bigint): bigint {
  const choice = random.below(8);
  if (choice > 3) return randomF80(random);
  const sign = random.below(2) * 0x8000;
  const exponent = Number((first >> 64n) & 0x7fffn);
  if (choice === 0) return first ^ (BigInt(sign) << 64n) ^ BigInt(random.below(4));
  const near = Math.min(0x7ffe, Math.max(0, exponent + random.below(140) - 70));
  const close = Math.min(0x7ffe, Math.max(0, exponent + random.below(5) - 2));
  const chosen = choice === 1 ? near : close;
  return f80(sign | chosen, chosen === 0 ? pattern(random) & ~TOP : pattern(random) | TOP);
}

/** A random f32 (23) or f64 (52 fraction bits) pattern. */
export function randomNarrow(random: FloatRandom, fractionBits: 23 | 52): bigint {
  const exponentBits = fractionBits === 23 ? 8 : 11;
  const maxExponent = (1 << exponentBits) - 1;
  const bias = maxExponent >> 1;
  const around = [
    0,
    0,
    1,
    1,
    2,
    bias - 1,
    bias,
    bias,
    bias + 1,
    bias + 31,
    bias + 63,
    maxExponent - 1,
    maxExponent,
  ];
  let exponent = random.pick(around) + random.below(3) - 1;
  if (random.below(3) === 0) exponent = random.below(maxExponent + 1);
  if (random.below(3) === 0) exponent = bias + random.below(130) - 65;
  exponent = Math.min(maxExponent, Math.max(0, exponent));
  const shift = 64n - BigInt(fractionBits);
  const fraction =
    random.below(12) === 0 ? 0n : random.below(2) === 0 ? pattern(random) >> shift : pattern(random);
  const sign = BigInt(random.below(2)) << BigInt(exponentBits);
  return (
    ((sign | BigInt(exponent)) << BigInt(fractionBits)) | (fraction & ((1n << BigInt(fractionBits)) - 1n))
  );
}
