// Who interrupts a vCPU to see where the guest is, at even times, is another thread: slices end after so many blocks, which would
// favour short ones. It empties the budget and kicks; the vCPU leaves its handlers at the end of the block, notes its place and
// goes on with what was left. Where a store of the budget was under way, or a region holds it in a local, that is somewhat later.

import { CPU_BUDGET, CPU_KICK } from "../layout.ts";

/** Beside 1, which is a kick of the machine's own. */
const KICK_FOR_SAMPLE = 2;
// Words of the control block that the two threads share. Area of the vCPU that runs, or 0:
const RUNNING_AREA = 0;
/** The budget that was taken away. */
const BLOCKS_LEFT = 1;
const CONTROL_BYTES = 8;

/** What the interrupting thread is given of a processor. */
export interface Interruptible {
  /** The machine's memory. */
  readonly memory: ArrayBuffer | SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
}

export function interruptible(memory: ArrayBuffer | SharedArrayBuffer): Interruptible {
  return { memory, control: new SharedArrayBuffer(CONTROL_BYTES) };
}

/** The interrupting side. */
export class Interrupter {
  readonly #words: Int32Array;
  readonly #control: Int32Array;

  constructor({ memory, control }: Interruptible) {
    this.#words = new Int32Array(memory);
    this.#control = new Int32Array(control);
  }

  /** Asks for a sample, if a vCPU runs. */
  interrupt(): void {
    const area = Atomics.load(this.#control, RUNNING_AREA);
    if (area === 0) return;
    Atomics.or(this.#words, (area + CPU_KICK) >> 2, KICK_FOR_SAMPLE);
    const left = Atomics.exchange(this.#words, (area + CPU_BUDGET) >> 2, 0);
    if (left > 0) Atomics.store(this.#control, BLOCKS_LEFT, left);
  }
}

/** The processor's side. */
export class Interrupted {
  readonly #words: Int32Array;
  readonly #control: Int32Array;

  constructor({ memory, control }: Interruptible) {
    this.#words = new Int32Array(memory);
    this.#control = new Int32Array(control);
  }

  /** The vCPU at `area` is about to run. */
  enter(area: number): void {
    Atomics.store(this.#control, RUNNING_AREA, area);
  }

  /** It has run; true when a sample is wanted. */
  leave(area: number): boolean {
    Atomics.store(this.#control, RUNNING_AREA, 0);
    return (Atomics.load(this.#words, (area + CPU_KICK) >> 2) & KICK_FOR_SAMPLE) !== 0;
  }

  /** Gives the budget back; false when the machine has kicked too. */
  resume(area: number): boolean {
    const left = Atomics.exchange(this.#control, BLOCKS_LEFT, 0);
    Atomics.add(this.#words, (area + CPU_BUDGET) >> 2, left);
    const kick = (area + CPU_KICK) >> 2;
    return Atomics.compareExchange(this.#words, kick, KICK_FOR_SAMPLE, 0) === KICK_FOR_SAMPLE;
  }
}
