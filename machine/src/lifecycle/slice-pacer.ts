// Turns nanoseconds until the next timer into an engine's budget units, by measuring how long past units took. A slice
// that is too long makes timers late; one that is too short wastes time on entering and leaving the engine.

const MIN_UNITS = 200;
const FIRST_UNITS = 5_000;
/** Longest run without looking at the clock. */
const MAX_RUN_NS = 1_000_000;
/** Weight of the newest measurement. */
const SMOOTHING = 0.25;

export class SlicePacer {
  #nsPerUnit = 0;

  /** Units to run when `availableNs` remain before the next timer and `budget` units before the caller wants back. */
  unitsFor(availableNs: number, budget: number): number {
    if (this.#nsPerUnit === 0) return Math.min(budget, FIRST_UNITS);
    const units = Math.floor(Math.min(availableNs, MAX_RUN_NS) / this.#nsPerUnit);
    return Math.min(budget, Math.max(MIN_UNITS, units));
  }

  /** How long `units` should take, Infinity while nothing is known. */
  expectedNs(units: number): number {
    return this.#nsPerUnit === 0 ? Number.POSITIVE_INFINITY : units * this.#nsPerUnit;
  }

  /** Units of a run that ended after `elapsedNs`, from 1 to `units`, which it might have had. */
  unitsIn(elapsedNs: number, units: number): number {
    if (this.#nsPerUnit === 0) return units;
    return Math.max(1, Math.min(units, Math.ceil(elapsedNs / this.#nsPerUnit)));
  }

  /** A run that used all of its `units` took `elapsedNs`. */
  record(units: number, elapsedNs: number): void {
    if (units <= 0 || elapsedNs <= 0) return;
    const sample = elapsedNs / units;
    this.#nsPerUnit =
      this.#nsPerUnit === 0 ? sample : this.#nsPerUnit + (sample - this.#nsPerUnit) * SMOOTHING;
  }
}
