// An interrupt pin that remembers what happened to it.

import type { InterruptLine } from "@hearth/machine";

/** Counts rising edges; `takeEdges` gives those since the last call. */
export class RecordingLine implements InterruptLine {
  isHigh = false;
  #edges = 0;

  setLevel(isHigh: boolean): void {
    if (isHigh && !this.isHigh) this.#edges++;
    this.isHigh = isHigh;
  }

  takeEdges(): number {
    const edges = this.#edges;
    this.#edges = 0;
    return edges;
  }
}
