// The surroundings of a local APIC: its processor, the APIC bus and the 8259 pair. Injected, so that a test can be all
// of them.

import type { TimerQueue } from "../../time/timer-queue.ts";
import type { VirtualClock } from "../../time/virtual-clock.ts";
import type { ApicMessage } from "../apic-message.ts";

/** What a local APIC does to its processor and to the rest of the board. */
export interface LocalApicHost {
  /** Level: an interrupt can be acknowledged now, or no longer. */
  setInterruptRequest(isPending: boolean): void;
  requestNmi(): void;
  requestInit(): void;
  /** `page`: the processor starts in real mode at page × 4096. */
  requestStartUp(page: number): void;
  /** Sends an inter-processor interrupt from APIC `sourceId`; `shorthand` is one of Shorthand. */
  sendIpi(sourceId: number, message: ApicMessage, shorthand: number): void;
  /** A level interrupt was finished: tells the I/O APICs. */
  broadcastEoi(vector: number): void;
  /** INTA cycles to the 8259 pair. */
  acknowledgeExternal(): number;
}

export interface LocalApicOptions {
  readonly id: number;
  readonly isBootProcessor: boolean;
  readonly clock: VirtualClock;
  readonly timers: TimerQueue;
  readonly tscFrequencyHz: number;
  readonly host: LocalApicHost;
}
