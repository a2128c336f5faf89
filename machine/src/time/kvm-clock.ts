// KVM's paravirtual clock (Linux Documentation/virt/kvm/x86/msr.rst): the guest names a page, we say there how TSC and
// guest time go together. Both derive from one clock, so one writing holds until the clock is stopped and started.
//
//   pvclock_vcpu_time_info     0  version (odd while changing)   4  pad          8  tsc_timestamp (8)
//                             16  system_time ns (8)            24  mul (4)     28  shift (1)  29  flags (1)

import type { GuestMemory } from "../memory/guest-memory.ts";
import { type ChipState, openState } from "../snapshot/chip-state.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export const KvmClockMsr = {
  WallClockOld: 0x11,
  SystemTimeOld: 0x12,
  WallClock: 0x4b56_4d00,
  SystemTime: 0x4b56_4d01,
} as const;

/** KVM CPUID leaf 0x40000001 EAX: the old and the new MSRs, and a TSC that is stable across vCPUs. */
export const KVM_CLOCK_FEATURES = (1 << 0) | (1 << 3) | (1 << 24);

const TIME_INFO_BYTES = 32;
const WALL_CLOCK_BYTES = 12;
const SYSTEM_TIME_ENABLE = 1n;
const FLAG_TSC_STABLE = 1;
const NS_PER_SECOND = 1_000_000_000n;
const STATE_KIND = "kvm-clock";
const STATE_VERSION = 1;

/** Nanoseconds = ((ticks << shift) × mul) >> 32, where a negative shift goes right. */
export interface TscScale {
  readonly mul: number;
  readonly shift: number;
}

/** The most precise scale for a TSC of `frequencyHz`: mul keeps its top bit set. */
export function tscScale(frequencyHz: number): TscScale {
  const frequency = BigInt(Math.round(frequencyHz));
  let shift = 0;
  let ratio = (NS_PER_SECOND << 32n) / frequency;
  while (ratio >> 32n !== 0n) {
    ratio >>= 1n;
    shift++;
  }
  while (ratio < 1n << 31n) {
    shift--;
    ratio = (NS_PER_SECOND << BigInt(32 - shift)) / frequency;
  }
  return { mul: Number(ratio), shift };
}

/** One vCPU's paravirtual clock. */
export class KvmClock {
  readonly #memory: GuestMemory;
  readonly #clock: VirtualClock;
  readonly #frequency: bigint;
  readonly #scale: TscScale;
  #systemTimeMsr = 0n;
  #wallClockMsr = 0n;
  #version = 0;
  /** Pages the guest named that are not RAM, since power-on. */
  refusedPages = 0;

  constructor(memory: GuestMemory, clock: VirtualClock, tscFrequencyHz: number) {
    this.#memory = memory;
    this.#clock = clock;
    this.#frequency = BigInt(Math.round(tscFrequencyHz));
    this.#scale = tscScale(tscFrequencyHz);
  }

  /** Undefined when `index` is not one of ours. */
  readMsr(index: number): bigint | undefined {
    if (index === KvmClockMsr.SystemTime || index === KvmClockMsr.SystemTimeOld) return this.#systemTimeMsr;
    if (index === KvmClockMsr.WallClock || index === KvmClockMsr.WallClockOld) return this.#wallClockMsr;
    return undefined;
  }

  /** False when `index` is not one of ours. */
  writeMsr(index: number, value: bigint): boolean {
    if (index === KvmClockMsr.SystemTime || index === KvmClockMsr.SystemTimeOld) {
      this.#systemTimeMsr = value;
      this.update();
      return true;
    }
    if (index !== KvmClockMsr.WallClock && index !== KvmClockMsr.WallClockOld) return false;
    this.#wallClockMsr = value;
    this.#writeWallClock(value);
    return true;
  }

  /** Writes the time page anew, when the guest has named one. Call after the clock was stopped and started. */
  update(): void {
    if ((this.#systemTimeMsr & SYSTEM_TIME_ENABLE) === 0n) return;
    const gpa = this.#checkedGpa(this.#systemTimeMsr & ~SYSTEM_TIME_ENABLE, TIME_INFO_BYTES);
    if (gpa < 0) return;
    const systemTimeNs = BigInt(Math.floor(this.#clock.nowNs()));
    this.#version = (this.#version + 2) >>> 0;
    this.#memory.writeU32(gpa, (this.#version - 1) >>> 0);
    this.#memory.writeU32(gpa + 4, 0);
    this.#memory.writeU64(gpa + 8, (systemTimeNs * this.#frequency) / NS_PER_SECOND);
    this.#memory.writeU64(gpa + 16, systemTimeNs);
    this.#memory.writeU32(gpa + 24, this.#scale.mul);
    this.#memory.writeU8(gpa + 28, this.#scale.shift & 0xff);
    this.#memory.writeU8(gpa + 29, FLAG_TSC_STABLE);
    this.#memory.writeU16(gpa + 30, 0);
    this.#memory.writeU32(gpa, this.#version);
    this.#memory.noteDeviceWrite(this.#memory.offsetOf(gpa, TIME_INFO_BYTES), TIME_INFO_BYTES);
  }

  reset(): void {
    this.#systemTimeMsr = 0n;
    this.#wallClockMsr = 0n;
  }

  state(): ChipState {
    const data = {
      systemTimeMsr: this.#systemTimeMsr,
      wallClockMsr: this.#wallClockMsr,
      version: this.#version,
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.#systemTimeMsr = fields.bigint("systemTimeMsr", 0xffff_ffff_ffff_ffffn);
    this.#wallClockMsr = fields.bigint("wallClockMsr", 0xffff_ffff_ffff_ffffn);
    this.#version = fields.integer("version", 0xffff_ffff) & ~1;
  }

  /** pvclock_wall_clock: version, then the wall-clock time of power-on as seconds and nanoseconds. */
  #writeWallClock(value: bigint): void {
    const gpa = this.#checkedGpa(value, WALL_CLOCK_BYTES);
    if (gpa < 0) return;
    const bootNs = this.#clock.bootWallClockNs();
    const version = (this.#memory.readU32(gpa) | 1) >>> 0;
    this.#memory.writeU32(gpa, version);
    this.#memory.writeU32(gpa + 4, Number((bootNs / NS_PER_SECOND) & 0xffff_ffffn));
    this.#memory.writeU32(gpa + 8, Number(bootNs % NS_PER_SECOND));
    this.#memory.writeU32(gpa, (version + 1) >>> 0);
    this.#memory.noteDeviceWrite(this.#memory.offsetOf(gpa, WALL_CLOCK_BYTES), WALL_CLOCK_BYTES);
  }

  #checkedGpa(value: bigint, sizeBytes: number): number {
    const gpa = value < 1n << 52n ? Number(value) : -1;
    if (gpa >= 0 && gpa % 4 === 0 && this.#memory.contains(gpa, sizeBytes)) return gpa;
    this.refusedPages++;
    return -1;
  }
}
