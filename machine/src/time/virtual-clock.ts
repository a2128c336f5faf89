// Guest time: nanoseconds since power-on, from an injected host clock, standing still while the machine is paused.
// Everything that counts time (TSC, APIC timer, PIT, paravirtual clock) derives from this one value.

import { assert } from "../errors.ts";

/** Host clocks, injected so that the machine runs anywhere and tests own the time. */
export interface TimeSource {
  /** Monotonic nanoseconds from any origin; may have a fraction. */
  monotonicNs(): number;
  /** Nanoseconds since 1970-01-01 UTC. */
  wallClockNs(): bigint;
}

export class VirtualClock {
  readonly #source: TimeSource;
  /** Host time at which guest time was, or would have been, zero. */
  #originNs = 0;
  /** Guest time while stopped; undefined while running. */
  #frozenNs: number | undefined;

  /** Starts stopped at `startNs`; call `resume`. */
  constructor(source: TimeSource, startNs = 0) {
    assert(startNs >= 0, "guest time is never negative");
    this.#source = source;
    this.#frozenNs = startNs;
  }

  /** Never decreases. */
  nowNs(): number {
    return this.#frozenNs ?? this.#source.monotonicNs() - this.#originNs;
  }

  get isRunning(): boolean {
    return this.#frozenNs === undefined;
  }

  pause(): void {
    this.#frozenNs ??= this.nowNs();
  }

  resume(): void {
    if (this.#frozenNs === undefined) return;
    this.#originNs = this.#source.monotonicNs() - this.#frozenNs;
    this.#frozenNs = undefined;
  }

  /** Wall-clock time of power-on as the guest should believe it now: host wall clock minus guest time. */
  bootWallClockNs(): bigint {
    return this.#source.wallClockNs() - BigInt(Math.floor(this.nowNs()));
  }
}
