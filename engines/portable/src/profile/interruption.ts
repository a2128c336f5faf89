// Who interrupts a vCPU to see where the guest is, at even times, is another thread: slices end after so many blocks, which would
// favour short ones. It empties the budget; the vCPU leaves its handlers at the end of the block, notes its place and goes on
// with what was left. A store of the budget that was under way undoes this, and then a sample is missing.

import { CPU_BUDGET } from "../layout.ts";

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

  /** Ends the running block's budget, if a vCPU runs. */
  interrupt(): void {
    const area = Atomics.load(this.#control, RUNNING_AREA);
    if (area === 0) return;
    const left = Atomics.exchange(this.#words, (area + CPU_BUDGET) >> 2, 0);
    if (left > 0) Atomics.store(this.#control, BLOCKS_LEFT, left);
  }
}

/** The processor's side. */
export class Interrupted {
  readonly #control: Int32Array;

  constructor({ control }: Interruptible) {
    this.#control = new Int32Array(control);
  }

  enter(area: number): void {
    Atomics.store(this.#control, RUNNING_AREA, area);
  }

  /** The budget that an interruption took away; 0 without one. */
  leave(): number {
    Atomics.store(this.#control, RUNNING_AREA, 0);
    return Atomics.exchange(this.#control, BLOCKS_LEFT, 0);
  }
}
