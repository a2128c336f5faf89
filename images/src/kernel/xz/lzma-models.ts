// The probability models of LZMA, all in one array, and the state numbers that say what the last symbols were.
// Source: the public LZMA specification, "The main loop of decoder" and "The match length decoder".

import { INITIAL_PROBABILITY } from "./range-decoder.ts";

export const STATES = 12;
export const POSITION_STATES_MAX = 16;
const LENGTH_MODELS = 2 + POSITION_STATES_MAX * 8 * 2 + 256;
const LITERAL_MODELS = 0x300 << 4;

/** Where each group of models starts. */
export const Model = {
  isMatch: 0,
  isRepeat: 192,
  isRepeat0: 204,
  isRepeat1: 216,
  isRepeat2: 228,
  isRepeat0Long: 240,
  distanceSlot: 432,
  distanceSpecial: 688,
  distanceAlign: 816,
  matchLength: 832,
  repeatLength: 832 + LENGTH_MODELS,
  literal: 832 + 2 * LENGTH_MODELS,
} as const;

/** Offsets inside a length coder: two choice bits, then 16 low trees, 16 middle trees and one high tree. */
export const LengthModel = { choice: 0, choice2: 1, low: 2, middle: 2 + 128, high: 2 + 256 } as const;

/** A fresh set of models, every one at one half. */
export function createModels(): Uint16Array {
  return new Uint16Array(Model.literal + LITERAL_MODELS).fill(INITIAL_PROBABILITY);
}

/** The state after a literal. */
export function stateAfterLiteral(state: number): number {
  if (state < 4) return 0;
  return state < 10 ? state - 3 : state - 6;
}

/** States below this follow a literal. */
export const FIRST_STATE_AFTER_MATCH = 7;
