// The vCPUs of a machine in one thread, in turns. Who is halted or not started is passed over and costs nothing. A turn is as long
// as the pacer allows, since a vCPU finds its translations and jumps cold in the host's caches; it is short when another vCPU
// spins: what that one waits for is only done when the others have had their turns, and it must see soon that it is done.

import type { VcpuSlot } from "../cpu/vcpu-slot.ts";
import { ExitReason } from "../cpu/vcpu.ts";
import type { TimerQueue } from "../time/timer-queue.ts";
import type { VirtualClock } from "../time/virtual-clock.ts";
import { SlicePacer } from "./slice-pacer.ts";

const TURN_BESIDE_SPINNER_NS = 50_000;

interface Place {
  readonly slot: VcpuSlot;
  readonly pacer: SlicePacer;
  /** Its last turn ended at a PAUSE. */
  isSpinning: boolean;
}

export class VcpuTurns {
  readonly #places: readonly Place[];
  readonly #clock: VirtualClock;
  readonly #timers: TimerQueue;
  #last = 0;
  /** Guest time at which the engine should be back by itself; -Infinity outside a turn. */
  #runUntilNs = Number.NEGATIVE_INFINITY;
  #isShared = false;
  #wasCutShort = false;
  #exit: ExitReason = ExitReason.Budget;

  constructor(slots: readonly VcpuSlot[], clock: VirtualClock, timers: TimerQueue) {
    this.#places = slots.map((slot) => ({ slot, pacer: new SlicePacer(), isSpinning: false }));
    this.#clock = clock;
    this.#timers = timers;
  }

  /** Whose turn it is, or was last. */
  get slot(): VcpuSlot {
    return this.#place.slot;
  }

  /** How the last turn ended. */
  get exit(): ExitReason {
    return this.#exit;
  }

  /** The last turn was ended by a kick that was not ours: somebody outside wants the thread. */
  get isWantedOutside(): boolean {
    return this.#exit === ExitReason.Kicked && !this.#wasCutShort;
  }

  get canRun(): boolean {
    return this.#places.some((place) => place.slot.canRun);
  }

  /** Gives the next vCPU its turn and answers the units it took, at least 1 and at most `budget`; 0 when none can run. */
  run(budget: number): number {
    if (!this.#next()) return 0;
    const place = this.#place;
    const startNs = this.#clock.nowNs();
    const availableNs = Math.min(this.#timers.nextDeadlineNs() - startNs, this.#longestTurnNs());
    const units = place.pacer.unitsFor(availableNs, budget);
    this.#wasCutShort = false;
    this.#runUntilNs = startNs + place.pacer.expectedNs(units);
    try {
      this.#exit = place.slot.run(units, this.#isShared);
    } finally {
      this.#runUntilNs = Number.NEGATIVE_INFINITY;
    }
    place.isSpinning = this.#exit === ExitReason.Pause;
    const elapsedNs = this.#clock.nowNs() - startNs;
    if (this.#exit !== ExitReason.Budget) return place.pacer.unitsIn(elapsedNs, units);
    place.pacer.record(units, elapsedNs);
    return units;
  }

  /** A timer was armed: the turn ends early if it is due before the turn would end by itself. */
  noteDeadline(deadlineNs: number): void {
    if (deadlineNs < this.#runUntilNs) this.cutShort();
  }

  /** A vCPU can run that could not before: one that has the thread to itself hands it over soon. */
  noteRunnable(): void {
    if (!this.#isShared) this.cutShort();
  }

  /** Ends the present turn, if there is one. */
  cutShort(): void {
    if (this.#runUntilNs === Number.NEGATIVE_INFINITY) return;
    this.#wasCutShort = true;
    this.slot.vcpu.kick();
  }

  get #place(): Place {
    return this.#places[this.#last] as Place;
  }

  /** Goes on to the next vCPU that can run; false when there is none. */
  #next(): boolean {
    const count = this.#places.length;
    for (let step = 1; step <= count; step++) {
      const index = (this.#last + step) % count;
      if (!this.#places[index]?.slot.canRun) continue;
      this.#last = index;
      this.#isShared = this.#places.some((place, other) => other !== index && place.slot.canRun);
      return true;
    }
    return false;
  }

  #longestTurnNs(): number {
    const isBesideSpinner = this.#places.some(
      (place, other) => other !== this.#last && place.isSpinning && place.slot.canRun,
    );
    return isBesideSpinner ? TURN_BESIDE_SPINNER_NS : Number.POSITIVE_INFINITY;
  }
}
