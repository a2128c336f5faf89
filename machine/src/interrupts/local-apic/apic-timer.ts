// The local APIC's timer (Intel SDM vol. 3A, 11.5.4): one-shot and periodic countdown of a 1 GHz bus clock through a
// divider, or an absolute TSC deadline. Expiry is a callback; whether it interrupts is the LVT entry's affair.

import { type ChipState, openState } from "../../snapshot/chip-state.ts";
import type { Timer, TimerQueue } from "../../time/timer-queue.ts";
import type { VirtualClock } from "../../time/virtual-clock.ts";
import { TimerMode } from "./local-apic-registers.ts";

/** Frequency of the timer's input clock; CPUID leaf 0x40000010 says the same. */
export const APIC_BUS_FREQUENCY_HZ = 1_000_000_000;

const NS_PER_SECOND = 1_000_000_000n;
/** A guest can set it; it counts like one-shot. */
const RESERVED_MODE = 3;
const STATE_KIND = "apic-timer";
const STATE_VERSION = 1;

export interface ApicTimerData {
  readonly mode: number;
  readonly divide: number;
  readonly initialCount: number;
  readonly deadlineTsc: bigint;
  /** Guest time of expiry, when armed. */
  readonly isArmed: boolean;
  readonly deadlineNs: number;
}

export class ApicTimer {
  readonly #clock: VirtualClock;
  readonly #timer: Timer;
  readonly #tscFrequencyHz: bigint;
  readonly #onExpiry: () => void;
  #mode: number = TimerMode.OneShot;
  /** The divide register as written: bits 0, 1 and 3. */
  #divide = 0;
  #initialCount = 0;
  #deadlineTsc = 0n;

  constructor(clock: VirtualClock, timers: TimerQueue, tscFrequencyHz: number, onExpiry: () => void) {
    this.#clock = clock;
    this.#timer = timers.createTimer((nowNs) => this.#expire(nowNs));
    this.#tscFrequencyHz = BigInt(Math.round(tscFrequencyHz));
    this.#onExpiry = onExpiry;
  }

  get divide(): number {
    return this.#divide;
  }

  get initialCount(): number {
    return this.#initialCount;
  }

  /** 0 when not armed or not in deadline mode. */
  get deadlineTsc(): bigint {
    return this.#deadlineTsc;
  }

  setMode(mode: number): void {
    if (mode === this.#mode) return;
    const wasDeadline = this.#mode === TimerMode.TscDeadline;
    this.#mode = mode;
    if (!wasDeadline && mode !== TimerMode.TscDeadline) return;
    this.#timer.disarm();
    this.#initialCount = 0;
    this.#deadlineTsc = 0n;
  }

  /** A running countdown keeps its remaining count and goes on at the new pace. */
  setDivide(value: number): void {
    const remaining = this.currentCount();
    this.#divide = value & 0xb;
    if (remaining > 0) this.#timer.armAt(this.#clock.nowNs() + remaining * this.#nsPerCount());
  }

  setInitialCount(count: number): void {
    if (this.#mode === TimerMode.TscDeadline) return;
    this.#initialCount = count >>> 0;
    if (this.#initialCount === 0) this.#timer.disarm();
    else this.#timer.armAt(this.#clock.nowNs() + this.#periodNs());
  }

  currentCount(): number {
    if (this.#mode === TimerMode.TscDeadline || !this.#timer.isArmed) return 0;
    const leftNs = Math.max(0, this.#timer.deadlineNs - this.#clock.nowNs());
    return Math.min(this.#initialCount, Math.ceil(leftNs / this.#nsPerCount()));
  }

  /** Ignored outside deadline mode; 0 disarms; the past expires at once. */
  setDeadlineTsc(deadlineTsc: bigint): void {
    if (this.#mode !== TimerMode.TscDeadline) return;
    this.#deadlineTsc = deadlineTsc;
    if (deadlineTsc === 0n) {
      this.#timer.disarm();
      return;
    }
    const nowNs = this.#clock.nowNs();
    const deadlineNs = this.#nsOfTsc(deadlineTsc);
    if (deadlineNs > nowNs) this.#timer.armAt(deadlineNs);
    else {
      this.#timer.disarm();
      this.#expire(nowNs);
    }
  }

  reset(): void {
    this.#timer.disarm();
    this.#mode = TimerMode.OneShot;
    this.#divide = 0;
    this.#initialCount = 0;
    this.#deadlineTsc = 0n;
  }

  state(): ChipState<ApicTimerData> {
    const data = {
      mode: this.#mode,
      divide: this.#divide,
      initialCount: this.#initialCount,
      deadlineTsc: this.#deadlineTsc,
      isArmed: this.#timer.isArmed,
      deadlineNs: this.#timer.isArmed ? this.#timer.deadlineNs : 0,
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.#mode = fields.integer("mode", RESERVED_MODE);
    this.#divide = fields.integer("divide", 0xb) & 0xb;
    this.#initialCount = fields.integer("initialCount", 0xffff_ffff);
    this.#deadlineTsc = fields.bigint("deadlineTsc", 0xffff_ffff_ffff_ffffn);
    if (fields.boolean("isArmed")) this.#timer.armAt(fields.time("deadlineNs"));
    else this.#timer.disarm();
  }

  #expire(nowNs: number): void {
    if (this.#mode === TimerMode.Periodic && this.#initialCount > 0) {
      // Periods that went by while nobody looked are lost, as ticks are on a busy host.
      this.#timer.armAt(nowNs + this.#periodNs());
    }
    this.#deadlineTsc = 0n;
    this.#onExpiry();
  }

  #periodNs(): number {
    return this.#initialCount * this.#nsPerCount();
  }

  #nsPerCount(): number {
    const code = (this.#divide & 3) | ((this.#divide & 8) >>> 1);
    return 1 << ((code + 1) & 7);
  }

  /** Rounded up, so that the TSC has reached the deadline when the timer fires. */
  #nsOfTsc(tsc: bigint): number {
    return Number((tsc * NS_PER_SECOND + this.#tscFrequencyHz - 1n) / this.#tscFrequencyHz);
  }
}
