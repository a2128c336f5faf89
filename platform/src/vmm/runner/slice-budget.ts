// How much a slice of guest work may cost. Engines count in units of their own; this learns how many of them fit into
// the time after which incoming messages and host I/O should have their turn. Timers are the machine's own affair.

const TARGET_MS = 2;
const MIN_UNITS = 200;
const MAX_UNITS = 50_000_000;
const FIRST_UNITS = 20_000;

/** One for each vCPU. */
export class SliceBudget {
  #unitsPerMs = FIRST_UNITS / TARGET_MS;

  /** Units for the next slice. */
  next(): number {
    return Math.round(clamp(this.#unitsPerMs * TARGET_MS));
  }

  /** A slice used up `units` in `ms`. */
  learn(units: number, ms: number): void {
    const measured = clamp((units / Math.max(ms, 0.01)) * TARGET_MS) / TARGET_MS;
    // At most fourfold a step up: one lucky slice must not make the next one long.
    this.#unitsPerMs = Math.min(0.5 * this.#unitsPerMs + 0.5 * measured, 4 * this.#unitsPerMs);
  }
}

function clamp(units: number): number {
  return Math.min(Math.max(units, MIN_UNITS), MAX_UNITS);
}
