// The machine's bus with every access counted, for the profile: by port, by page of device memory, by MSR, by vector.

import type { AccessSize, VcpuBus } from "@hearth/machine";

const PAGE = 4096;

/** Accesses by address: [reads, writes]. */
export type AccessCounts = Map<number, [reads: number, writes: number]>;

/** What the guest asked of the machine. */
export class BusCounts {
  readonly ports: AccessCounts = new Map();
  /** By the first address of a page. */
  readonly mmioPages: AccessCounts = new Map();
  readonly msrs: AccessCounts = new Map();
  /** Interrupts taken, by vector. */
  readonly vectors = new Map<number, number>();
  clockReads = 0;
}

/** `bus`, with what passes noted in `counts`. */
export function countBus(bus: VcpuBus, counts: BusCounts): VcpuBus {
  const { ports, mmioPages, msrs } = counts;
  return {
    readPort(port: number, size: AccessSize): number {
      note(ports, port, 0);
      return bus.readPort(port, size);
    },
    writePort(port: number, size: AccessSize, value: number): void {
      note(ports, port, 1);
      bus.writePort(port, size, value);
    },
    readMmio(gpa: number, size: AccessSize): number {
      note(mmioPages, gpa - (gpa % PAGE), 0);
      return bus.readMmio(gpa, size);
    },
    writeMmio(gpa: number, size: AccessSize, value: number): void {
      note(mmioPages, gpa - (gpa % PAGE), 1);
      bus.writeMmio(gpa, size, value);
    },
    readMsr(index: number): bigint | undefined {
      note(msrs, index, 0);
      return bus.readMsr(index);
    },
    writeMsr(index: number, value: bigint): boolean {
      note(msrs, index, 1);
      return bus.writeMsr(index, value);
    },
    acknowledgeInterrupt(): number {
      const vector = bus.acknowledgeInterrupt();
      if (vector >= 0) counts.vectors.set(vector, (counts.vectors.get(vector) ?? 0) + 1);
      return vector;
    },
    readTaskPriority: () => bus.readTaskPriority(),
    writeTaskPriority: (priorityClass) => bus.writeTaskPriority(priorityClass),
    nowNs(): number {
      counts.clockReads++;
      return bus.nowNs();
    },
  };
}

function note(counts: AccessCounts, key: number, direction: 0 | 1): void {
  let entry = counts.get(key);
  if (entry === undefined) {
    entry = [0, 0];
    counts.set(key, entry);
  }
  entry[direction]++;
}
