// How often the core takes samples: evenly in time as far as that goes, though it counts in blocks. A sample costs some 0.15 µs, and
// blocks take between 1 ns in a tight loop and 100 ns.

import { ENGINE_COUNT_SAMPLES, ENGINE_SAMPLE_PERIOD } from "../../layout.ts";

const SAMPLES_PER_MS = 40;
const MIN_PERIOD_BLOCKS = 100;
const MAX_PERIOD_BLOCKS = 100_000;
const FIRST_PERIOD_BLOCKS = 1000;
const ADJUST_EVERY_MS = 4;

export class SampleRate {
  readonly #view: DataView;
  #periodBlocks = FIRST_PERIOD_BLOCKS;
  #lastSamples = 0;
  #lastMs = performance.now();

  constructor(view: DataView) {
    this.#view = view;
    view.setUint32(ENGINE_SAMPLE_PERIOD, FIRST_PERIOD_BLOCKS, true);
  }

  get periodBlocks(): number {
    return this.#periodBlocks;
  }

  /** Between slices: brings the period nearer to what the rate asks for, by at most a factor of two. */
  adjust(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastMs < ADJUST_EVERY_MS) return;
    const samples = this.#view.getUint32(ENGINE_COUNT_SAMPLES, true);
    const taken = (samples - this.#lastSamples) >>> 0;
    const factor = taken / ((nowMs - this.#lastMs) * SAMPLES_PER_MS);
    const period = this.#periodBlocks * Math.min(Math.max(factor, 0.5), 2);
    this.#periodBlocks = Math.round(Math.min(Math.max(period, MIN_PERIOD_BLOCKS), MAX_PERIOD_BLOCKS));
    this.#lastSamples = samples;
    this.#lastMs = nowMs;
    this.#view.setUint32(ENGINE_SAMPLE_PERIOD, this.#periodBlocks, true);
  }
}
