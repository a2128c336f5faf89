// Host clocks that stand still until a test moves them.

import type { TimeSource } from "@hearth/machine";

/** Wall clock of a fake host when its monotonic clock reads 0: 2026-01-01T00:00:00Z. */
export const FAKE_EPOCH_NS = 1_767_225_600_000_000_000n;

export class FakeTime implements TimeSource {
  ns = 0;

  monotonicNs(): number {
    return this.ns;
  }

  wallClockNs(): bigint {
    return FAKE_EPOCH_NS + BigInt(Math.floor(this.ns));
  }

  advance(ns: number): void {
    this.ns += ns;
  }
}
