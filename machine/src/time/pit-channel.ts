// One counter of the 8254. Nothing ticks: the count and the output pin are computed from guest time when asked.

import { type ChipState, openState } from "../snapshot/chip-state.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export const PIT_FREQUENCY_HZ = 1_193_182;
const NS_PER_TICK = 1e9 / PIT_FREQUENCY_HZ;
const STATE_KIND = "pit-channel";
const STATE_VERSION = 1;

/** Access field of the control word. */
const ACCESS_LATCH = 0;
const ACCESS_LOW = 1;
const ACCESS_HIGH = 2;

export class PitChannel {
  readonly #clock: VirtualClock;
  readonly #resetGate: boolean;
  readonly #onLoad: () => void;
  #mode = 0;
  #access = 3;
  /** The count loaded, 1 to 65536; 0 before the first load. */
  #reload = 0;
  #writeLow = 0;
  #isHighNext = false;
  #isReadHighNext = false;
  /** Latched count, or -1. */
  #latchedCount = -1;
  /** Latched status byte, or -1. */
  #latchedStatus = -1;
  #gate: boolean;
  /** Guest time at which counting began. */
  #startNs = 0;

  /** `onLoad` is called when counting starts or stops, so that the owner can plan the next tick. */
  constructor(clock: VirtualClock, resetGate: boolean, onLoad: () => void) {
    this.#clock = clock;
    this.#resetGate = resetGate;
    this.#gate = resetGate;
    this.#onLoad = onLoad;
  }

  get gate(): boolean {
    return this.#gate;
  }

  setGate(isHigh: boolean): void {
    const isRising = isHigh && !this.#gate;
    this.#gate = isHigh;
    if (!isRising || this.#reload === 0) return;
    // Modes 1, 2, 3 and 5 restart on a rising gate; 0 and 4 would go on where they stood, which nobody relies on.
    this.#startNs = this.#clock.nowNs();
    this.#onLoad();
  }

  writeControl(control: number): void {
    const access = (control >>> 4) & 3;
    if (access === ACCESS_LATCH) {
      this.latchCount();
      return;
    }
    this.#access = access;
    const mode = (control >>> 1) & 7;
    this.#mode = mode > 5 ? mode - 4 : mode;
    this.#reload = 0;
    this.#isHighNext = this.#isReadHighNext = false;
    this.#latchedCount = this.#latchedStatus = -1;
    this.#onLoad();
  }

  writeCounter(value: number): void {
    if (this.#access === ACCESS_LOW) this.#load(value);
    else if (this.#access === ACCESS_HIGH) this.#load(value << 8);
    else if (this.#isHighNext) {
      this.#isHighNext = false;
      this.#load(this.#writeLow | (value << 8));
    } else {
      this.#writeLow = value;
      this.#isHighNext = true;
    }
  }

  readCounter(): number {
    if (this.#latchedStatus >= 0) {
      const status = this.#latchedStatus;
      this.#latchedStatus = -1;
      return status;
    }
    const count = this.#latchedCount >= 0 ? this.#latchedCount : this.#count();
    const isHigh = this.#access === ACCESS_HIGH || (this.#access === 3 && this.#isReadHighNext);
    const isLast = this.#access !== 3 || this.#isReadHighNext;
    this.#isReadHighNext = this.#access === 3 && !this.#isReadHighNext;
    if (isLast) this.#latchedCount = -1;
    return isHigh ? (count >>> 8) & 0xff : count & 0xff;
  }

  latchCount(): void {
    if (this.#latchedCount < 0) this.#latchedCount = this.#count();
  }

  latchStatus(): void {
    if (this.#latchedStatus >= 0) return;
    const isNull = this.#reload === 0 ? 0x40 : 0;
    this.#latchedStatus = (this.output() ? 0x80 : 0) | isNull | (this.#access << 4) | (this.#mode << 1);
  }

  /** Level of the OUT pin. */
  output(): boolean {
    if (this.#reload === 0) return this.#mode !== 0;
    const ticks = this.#elapsedTicks();
    switch (this.#mode) {
      case 0:
      case 1:
        return ticks >= this.#reload;
      case 2:
        return ticks % this.#reload !== this.#reload - 1;
      case 3:
        return ticks % this.#reload < (this.#reload + 1) >>> 1;
      default:
        return ticks !== this.#reload;
    }
  }

  /** Guest time of the first terminal count after `nowNs`; Infinity when there is none to come. */
  nextTickNs(nowNs: number): number {
    if (this.#reload === 0 || !this.#gate) return Number.POSITIVE_INFINITY;
    const periodNs = this.#reload * NS_PER_TICK;
    const isPeriodic = this.#mode === 2 || this.#mode === 3;
    const periods = isPeriodic ? Math.floor(Math.max(0, nowNs - this.#startNs) / periodNs) + 1 : 1;
    const tickNs = this.#startNs + periods * periodNs;
    return tickNs > nowNs || isPeriodic ? tickNs : Number.POSITIVE_INFINITY;
  }

  reset(): void {
    this.#mode = 0;
    this.#access = 3;
    this.#reload = 0;
    this.#isHighNext = this.#isReadHighNext = false;
    this.#latchedCount = this.#latchedStatus = -1;
    this.#gate = this.#resetGate;
    this.#onLoad();
  }

  state(): ChipState {
    const data = {
      mode: this.#mode,
      access: this.#access,
      reload: this.#reload,
      writeLow: this.#writeLow,
      isHighNext: this.#isHighNext,
      isReadHighNext: this.#isReadHighNext,
      latchedCount: this.#latchedCount + 1,
      latchedStatus: this.#latchedStatus + 1,
      gate: this.#gate,
      startNs: this.#startNs,
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.#mode = fields.integer("mode", 5);
    this.#access = fields.integer("access", 3);
    this.#reload = fields.integer("reload", 0x1_0000);
    this.#writeLow = fields.integer("writeLow", 0xff);
    this.#isHighNext = fields.boolean("isHighNext");
    this.#isReadHighNext = fields.boolean("isReadHighNext");
    this.#latchedCount = fields.integer("latchedCount", 0x1_0000) - 1;
    this.#latchedStatus = fields.integer("latchedStatus", 0x100) - 1;
    this.#gate = fields.boolean("gate");
    this.#startNs = fields.time("startNs");
    this.#onLoad();
  }

  #load(value: number): void {
    this.#reload = value === 0 ? 0x1_0000 : value;
    this.#startNs = this.#clock.nowNs();
    this.#onLoad();
  }

  #elapsedTicks(): number {
    return Math.floor(Math.max(0, this.#clock.nowNs() - this.#startNs) / NS_PER_TICK);
  }

  #count(): number {
    if (this.#reload === 0) return 0;
    const ticks = this.#elapsedTicks();
    if (this.#mode === 3) return (this.#reload - ((2 * ticks) % this.#reload)) & 0xfffe;
    if (this.#mode === 2) return (this.#reload - (ticks % this.#reload)) & 0xffff;
    return (this.#reload - ticks) & 0xffff;
  }
}
