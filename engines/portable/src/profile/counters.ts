// The core's own counters (layout.ts, ENGINE_COUNT_* and CPU_COUNT_*), by a name for people.

import {
  CPU_COUNT_ADDRESS_FLUSHES,
  CPU_COUNT_EXCEPTIONS,
  CPU_COUNT_FULL_FLUSHES,
  CPU_COUNT_INTERRUPTS,
  CPU_COUNT_SLOW_READS,
  CPU_COUNT_SLOW_WRITES,
  CPU_COUNT_SPACE_FLUSHES,
  CPU_COUNT_SPACE_LOADS,
  CPU_COUNT_UNDEFINED,
  ENGINE_COUNT_ARENA_RESETS,
  ENGINE_COUNT_BLOCKS,
  ENGINE_COUNT_INVALIDATIONS,
  ENGINE_COUNT_REGION_SAMPLES,
  ENGINE_COUNT_SAMPLES,
  ENGINE_COUNT_TLB_FILLS,
} from "../layout.ts";

const OF_ENGINE = {
  "blocks decoded": ENGINE_COUNT_BLOCKS,
  "code pages invalidated": ENGINE_COUNT_INVALIDATIONS,
  "translations forgotten (arena full)": ENGINE_COUNT_ARENA_RESETS,
  "TLB fills": ENGINE_COUNT_TLB_FILLS,
  "samples for hot code": ENGINE_COUNT_SAMPLES,
  "samples for hot code, in regions": ENGINE_COUNT_REGION_SAMPLES,
} as const;
const OF_VCPU = {
  "hardware interrupts": CPU_COUNT_INTERRUPTS,
  "undefined instructions decoded": CPU_COUNT_UNDEFINED,
  "reads beside the fast path": CPU_COUNT_SLOW_READS,
  "writes beside the fast path": CPU_COUNT_SLOW_WRITES,
  "loads of CR3": CPU_COUNT_SPACE_LOADS,
  "address spaces dropped from the TLB": CPU_COUNT_SPACE_FLUSHES,
  "TLB dropped whole": CPU_COUNT_FULL_FLUSHES,
  "addresses dropped from the TLB": CPU_COUNT_ADDRESS_FLUSHES,
} as const;
const EXCEPTION_VECTORS = 32;

/** Counts since power-on by name; those of vCPUs are summed. */
export interface EngineCounters {
  readonly engine: Readonly<Record<string, number>>;
  /** Index: vector. */
  readonly exceptions: readonly number[];
}

export function readCounters(view: DataView, areas: readonly number[]): EngineCounters {
  const read = (offset: number): number => Number(view.getBigUint64(offset, true));
  const sum = (offset: number): number => areas.reduce((total, area) => total + read(area + offset), 0);
  const engine = Object.entries(OF_ENGINE).map(([name, offset]) => [name, read(offset)]);
  const vcpus = Object.entries(OF_VCPU).map(([name, offset]) => [name, sum(offset)]);
  return {
    engine: Object.fromEntries([...engine, ...vcpus]) as Record<string, number>,
    exceptions: Array.from({ length: EXCEPTION_VECTORS }, (_, vector) =>
      sum(CPU_COUNT_EXCEPTIONS + vector * 8),
    ),
  };
}
