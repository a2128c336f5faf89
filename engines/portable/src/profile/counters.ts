// The core's own counters (layout.ts, ENGINE_COUNT_* and CPU_COUNT_*), by a name for people.

import {
  CPU_COUNT_EXCEPTIONS,
  CPU_COUNT_INTERRUPTS,
  CPU_COUNT_UNDEFINED,
  ENGINE_COUNT_ARENA_RESETS,
  ENGINE_COUNT_BLOCKS,
  ENGINE_COUNT_INVALIDATIONS,
  ENGINE_COUNT_TLB_FILLS,
} from "../layout.ts";

const OF_ENGINE = {
  "blocks decoded": ENGINE_COUNT_BLOCKS,
  "code pages invalidated": ENGINE_COUNT_INVALIDATIONS,
  "translations forgotten (arena full)": ENGINE_COUNT_ARENA_RESETS,
  "TLB fills": ENGINE_COUNT_TLB_FILLS,
} as const;
const OF_VCPU = {
  exceptions: CPU_COUNT_EXCEPTIONS,
  interrupts: CPU_COUNT_INTERRUPTS,
  "undefined instructions": CPU_COUNT_UNDEFINED,
} as const;

/** Counts since power-on by name; those of vCPUs are summed. */
export type EngineCounters = Readonly<Record<string, number>>;

export function readCounters(view: DataView | undefined, areas: readonly number[]): EngineCounters {
  if (view === undefined) return {};
  const read = (offset: number): number => Number(view.getBigUint64(offset, true));
  const engine = Object.entries(OF_ENGINE).map(([name, offset]) => [name, read(offset)]);
  const vcpus = Object.entries(OF_VCPU).map(([name, offset]) => [
    name,
    areas.reduce((sum, area) => sum + read(area + offset), 0),
  ]);
  return Object.fromEntries([...engine, ...vcpus]) as EngineCounters;
}
