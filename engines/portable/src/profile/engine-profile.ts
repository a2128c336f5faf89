// What the engine notes for a profile: where the guest was at each interruption, why slices ended, what passed over the bus.
// Without a profile none of this is there, and no code of a vCPU asks for it.

import type { GuestMemory, VcpuBus } from "@hearth/machine";
import { CPU_CPL, CPU_RIP, EXIT_HALT, EXIT_SHUTDOWN, EXIT_STOP } from "../layout.ts";
import { BusCounts, countBus } from "./counted-bus.ts";
import { type EngineCounters, readCounters } from "./counters.ts";
import { Interrupted, type Interruptible, interruptible } from "./interruption.ts";

/** The guest's place at one time. */
export interface GuestSample {
  readonly timeUs: number;
  /** Of the instruction that comes next. */
  readonly rip: bigint;
  readonly isUser: boolean;
}

/** How often handlers were left for good, and why; `sample` counts interruptions. */
export interface SliceEnds {
  halt: number;
  shutdown: number;
  stop: number;
  sample: number;
  failure: number;
}

export interface EngineProfileOptions {
  /** Microseconds on any clock; samples carry its time. */
  nowUs(): number;
  /** Told of each processor that wants to be interrupted. */
  onProcessor(processor: Interruptible): void;
}

/** Notes for all vCPUs of one machine. */
export class EngineProfile {
  readonly samples: GuestSample[] = [];
  readonly bus = new BusCounts();
  readonly sliceEnds: SliceEnds = { halt: 0, shutdown: 0, stop: 0, sample: 0, failure: 0 };
  readonly #options: EngineProfileOptions;
  readonly #areas = new Set<number>();
  #view: DataView | undefined;
  #regionCounts: () => Readonly<Record<string, number>> = () => ({});

  constructor(options: EngineProfileOptions) {
    this.#options = options;
  }

  watchBus(bus: VcpuBus): VcpuBus {
    return countBus(bus, this.bus);
  }

  /** The interpreter's `run`, with samples taken in between. */
  watchRun(run: (area: number) => number, memory: GuestMemory): (area: number) => number {
    const { view } = memory;
    const shared = interruptible(memory.buffer);
    const interrupted = new Interrupted(shared);
    this.#view = view;
    this.#options.onProcessor(shared);
    return (area) => {
      this.#areas.add(area);
      for (;;) {
        interrupted.enter(area);
        const exit = run(area);
        if (interrupted.leave(area)) this.#sample(view, area);
        else return this.#ended(exit);
        if (exit !== EXIT_STOP || !interrupted.resume(area)) return this.#ended(exit);
      }
    };
  }

  /** `counts` answers what is known of regions. */
  watchRegions(counts: () => Readonly<Record<string, number>>): void {
    this.#regionCounts = counts;
  }

  regionCounts(): Readonly<Record<string, number>> {
    return this.#regionCounts();
  }

  /** What the core has counted up to now; undefined before a processor was made. */
  counters(): EngineCounters | undefined {
    return this.#view && readCounters(this.#view, [...this.#areas]);
  }

  #sample(view: DataView, area: number): void {
    this.sliceEnds.sample++;
    this.samples.push({
      timeUs: this.#options.nowUs(),
      rip: view.getBigUint64(area + CPU_RIP, true),
      isUser: view.getUint32(area + CPU_CPL, true) === 3,
    });
  }

  #ended(exit: number): number {
    if (exit === EXIT_STOP) this.sliceEnds.stop++;
    else if (exit === EXIT_HALT) this.sliceEnds.halt++;
    else if (exit === EXIT_SHUTDOWN) this.sliceEnds.shutdown++;
    else this.sliceEnds.failure++;
    return exit;
  }
}
