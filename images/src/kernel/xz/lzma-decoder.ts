// LZMA symbols to bytes: literals, matches and repeated matches (public LZMA specification, "The main loop of decoder").
// The output buffer is also the dictionary, so a distance is only checked against what was written since its reset.

import {
  createModels,
  FIRST_STATE_AFTER_MATCH,
  LengthModel,
  Model,
  stateAfterLiteral,
} from "./lzma-models.ts";
import { INITIAL_PROBABILITY, RangeDecoder } from "./range-decoder.ts";

/** Decodes LZMA chunks of one LZMA2 stream from `input` into `output`. */
export class LzmaDecoder {
  /** Next byte of `output` to be written. */
  position = 0;
  readonly #output: Uint8Array;
  readonly #range: RangeDecoder;
  readonly #models = createModels();
  #dictionaryStart = 0;
  #literalContextBits = 0;
  #literalPositionMask = 0;
  #positionMask = 0;
  #state = 0;
  #distances: [number, number, number, number] = [0, 0, 0, 0];

  constructor(input: Uint8Array, output: Uint8Array) {
    this.#output = output;
    this.#range = new RangeDecoder(input);
  }

  /** Matches may not reach back beyond this point. */
  resetDictionary(): void {
    this.#dictionaryStart = this.position;
  }

  resetState(): void {
    this.#models.fill(INITIAL_PROBABILITY);
    this.#state = 0;
    this.#distances = [0, 0, 0, 0];
  }

  /** Takes the packed lc/lp/pb byte; false when it is out of range. */
  setProperties(packed: number): boolean {
    if (packed >= 9 * 5 * 5) return false;
    const contextBits = packed % 9;
    const positionBits = Math.floor(packed / 9) % 5;
    if (contextBits + positionBits > 4) return false;
    this.#literalContextBits = contextBits;
    this.#literalPositionMask = (1 << positionBits) - 1;
    this.#positionMask = (1 << Math.floor(packed / 45)) - 1;
    return true;
  }

  /** Decodes one chunk that gives exactly `outputBytes`; false when it is malformed. */
  decodeChunk(inputPosition: number, inputBytes: number, outputBytes: number): boolean {
    const end = this.position + outputBytes;
    if (end > this.#output.length || !this.#range.start(inputPosition, inputBytes)) return false;
    while (this.position < end) {
      if (!this.#decodeSymbol(end) || this.#range.isOverrun()) return false;
    }
    return this.#range.isFinished();
  }

  #decodeSymbol(end: number): boolean {
    const models = this.#models;
    const range = this.#range;
    const positionState = (this.position - this.#dictionaryStart) & this.#positionMask;
    const slot = (this.#state << 4) + positionState;
    if (range.bit(models, Model.isMatch + slot) === 0) {
      this.#decodeLiteral();
      return true;
    }
    if (range.bit(models, Model.isRepeat + this.#state) === 0) {
      const length = this.#decodeLength(Model.matchLength, positionState);
      const [first, second, third] = this.#distances;
      this.#distances = [this.#decodeDistance(length), first, second, third];
      this.#state = this.#state < FIRST_STATE_AFTER_MATCH ? 7 : 10;
      return this.#copyMatch(length + 2, end);
    }
    if (range.bit(models, Model.isRepeat0 + this.#state) === 1) this.#rotateDistances();
    else if (range.bit(models, Model.isRepeat0Long + slot) === 0) {
      this.#state = this.#state < FIRST_STATE_AFTER_MATCH ? 9 : 11;
      return this.#copyMatch(1, end);
    }
    const length = this.#decodeLength(Model.repeatLength, positionState);
    this.#state = this.#state < FIRST_STATE_AFTER_MATCH ? 8 : 11;
    return this.#copyMatch(length + 2, end);
  }

  /** Moves the second, third or fourth last distance to the front, as the next one or two bits say. */
  #rotateDistances(): void {
    const [first, second, third, fourth] = this.#distances;
    if (this.#range.bit(this.#models, Model.isRepeat1 + this.#state) === 0)
      this.#distances = [second, first, third, fourth];
    else if (this.#range.bit(this.#models, Model.isRepeat2 + this.#state) === 0)
      this.#distances = [third, first, second, fourth];
    else this.#distances = [fourth, first, second, third];
  }

  #decodeLiteral(): void {
    const models = this.#models;
    const range = this.#range;
    const previous = this.position > this.#dictionaryStart ? (this.#output[this.position - 1] as number) : 0;
    const context =
      (((this.position - this.#dictionaryStart) & this.#literalPositionMask) << this.#literalContextBits) +
      (previous >> (8 - this.#literalContextBits));
    const base = Model.literal + 0x300 * context;
    let symbol = 1;
    if (this.#state >= FIRST_STATE_AFTER_MATCH) {
      let matchByte = this.#output[this.position - this.#distances[0] - 1] ?? 0;
      while (symbol < 0x100) {
        const matchBit = (matchByte >> 7) & 1;
        matchByte <<= 1;
        const bit = range.bit(models, base + ((1 + matchBit) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (bit !== matchBit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | range.bit(models, base + symbol);
    this.#output[this.position++] = symbol;
    this.#state = stateAfterLiteral(this.#state);
  }

  /** Length minus two: 0 to 271. */
  #decodeLength(base: number, positionState: number): number {
    const models = this.#models;
    const range = this.#range;
    if (range.bit(models, base + LengthModel.choice) === 0)
      return range.tree(models, base + LengthModel.low + positionState * 8, 3);
    if (range.bit(models, base + LengthModel.choice2) === 0)
      return 8 + range.tree(models, base + LengthModel.middle + positionState * 8, 3);
    return 16 + range.tree(models, base + LengthModel.high, 8);
  }

  #decodeDistance(length: number): number {
    const models = this.#models;
    const range = this.#range;
    const slot = range.tree(models, Model.distanceSlot + Math.min(length, 3) * 64, 6);
    if (slot < 4) return slot;
    const directBits = (slot >> 1) - 1;
    const base = ((2 | (slot & 1)) << directBits) >>> 0;
    if (slot < 14) return base + range.reverseTree(models, Model.distanceSpecial + base - slot, directBits);
    const high = range.directBits(directBits - 4) * 16;
    return base + high + range.reverseTree(models, Model.distanceAlign, 4);
  }

  #copyMatch(length: number, end: number): boolean {
    const output = this.#output;
    const from = this.position - this.#distances[0] - 1;
    if (from < this.#dictionaryStart || this.position + length > end) return false;
    for (let i = 0; i < length; i++) output[this.position + i] = output[from + i] as number;
    this.position += length;
    return true;
  }
}
