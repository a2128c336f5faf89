// A finished recording as plain data: what the runner's thread hands over, and every report is made from.

import type { Activity } from "./activity.ts";

/** Time by what the thread did, with the functions on the stack, outermost first, from the first one on that says so. */
export interface RecordedStack {
  readonly activity: Activity;
  readonly frames: readonly string[];
  readonly us: number;
}

/** Time by where the guest was. */
export interface GuestPlace {
  readonly address: bigint;
  readonly isUser: boolean;
  /** Known from a region that ran, or from an interruption while something else did. */
  readonly source: "region" | "interruption";
  readonly us: number;
}

/** Accesses to one device, or to addresses nobody claims. */
export interface DeviceAccesses {
  readonly name: string;
  readonly reads: number;
  readonly writes: number;
}

export interface RecordedProfile {
  /** Wall-clock time of the recording. */
  readonly durationUs: number;
  readonly sampleCount: number;
  /** CPU time of the runner's thread, and of all others of the process: compilers, the garbage collector, the main thread. */
  readonly threadCpuUs: number;
  readonly otherCpuUs: number;
  readonly stacks: readonly RecordedStack[];
  readonly guestPlaces: readonly GuestPlace[];
  /** Counters by group and name. */
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly ports: readonly DeviceAccesses[];
  readonly mmio: readonly DeviceAccesses[];
}
