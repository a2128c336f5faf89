// The range decoder of LZMA: turns compressed bytes into bits, each guided by an adaptive 11-bit probability.
// Source: the public LZMA specification, "Range Decoder". Hot: no allocation.

const TOP = 0x100_0000;
const MODEL_BITS = 11;
const MOVE_BITS = 5;
/** A probability of one half, where every model starts. */
export const INITIAL_PROBABILITY = 1 << (MODEL_BITS - 1);

/** Reads bits from `bytes` between the position given to `start` and the end given there. */
export class RangeDecoder {
  readonly #bytes: Uint8Array;
  #position = 0;
  #end = 0;
  #range = 0;
  #code = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Starts a chunk of `sizeBytes` at `position`; false when its five start-up bytes are malformed. */
  start(position: number, sizeBytes: number): boolean {
    if (sizeBytes < 5 || this.#bytes[position] !== 0) return false;
    this.#code = 0;
    for (let i = 1; i < 5; i++) this.#code = ((this.#code << 8) | (this.#bytes[position + i] ?? 0)) >>> 0;
    this.#range = 0xffff_ffff;
    this.#position = position + 5;
    this.#end = position + sizeBytes;
    return true;
  }

  /** True when the chunk was used up exactly, as a sound one is. */
  isFinished(): boolean {
    return this.#position === this.#end && this.#code === 0;
  }

  /** True once more bytes were asked for than the chunk has. */
  isOverrun(): boolean {
    return this.#position > this.#end;
  }

  /** One bit under the model at `index`, which learns from it. */
  bit(models: Uint16Array, index: number): number {
    const probability = models[index] as number;
    const bound = (this.#range >>> MODEL_BITS) * probability;
    let bit = 0;
    if (this.#code < bound) {
      this.#range = bound;
      models[index] = probability + (((1 << MODEL_BITS) - probability) >> MOVE_BITS);
    } else {
      this.#range -= bound;
      this.#code -= bound;
      models[index] = probability - (probability >> MOVE_BITS);
      bit = 1;
    }
    if (this.#range < TOP) this.#normalize();
    return bit;
  }

  /** `count` bits of even probability, most significant first. */
  directBits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      this.#range >>>= 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit === 1) this.#code -= this.#range;
      value = ((value << 1) | bit) >>> 0;
      if (this.#range < TOP) this.#normalize();
    }
    return value;
  }

  /** A symbol of `bits` bits through the binary tree of models that starts at `base`, most significant first. */
  tree(models: Uint16Array, base: number, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = (node << 1) | this.bit(models, base + node);
    return node - (1 << bits);
  }

  /** As `tree`, least significant bit first. */
  reverseTree(models: Uint16Array, base: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(models, base + node);
      node = (node << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  #normalize(): void {
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | (this.#bytes[this.#position] ?? 0)) >>> 0;
    this.#position++;
  }
}
