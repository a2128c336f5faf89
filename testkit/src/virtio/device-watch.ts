// What must hold whatever a guest does to a virtio device:
//   – nothing outside RAM changes, and every change of RAM was reported (GuestMemory.noteDeviceWrite);
//   – when no buffer is writable, only used rings change;
//   – the interrupt pin is high exactly while the interrupt status is not zero;
//   – the status register is one that the specification knows;
//   – one access is served in bounded time.

import { REG } from "./mock-driver.ts";
import type { VirtioRig } from "./rig.ts";

/** Far above what any bounded amount of work takes, far below what an unbounded one would. */
const MAX_ACCESS_MS = 5000;
const DRIVER_STATES = [0x00, 0x01, 0x03, 0x0b, 0x0f];

/** A piece of guest-physical memory. */
export interface GuestRange {
  readonly gpa: number;
  readonly sizeBytes: number;
}

/** Watches one device during accesses. */
export class DeviceWatch {
  /** Where used rings lie, by queue. */
  readonly usedRings: GuestRange[] = [];
  readonly #rig: VirtioRig;
  readonly #isReadOnly: boolean;
  /** What the whole buffer must look like after the access: the state before, plus reported writes. */
  readonly #expected: Uint8Array;

  constructor(rig: VirtioRig, isReadOnly: boolean) {
    this.#rig = rig;
    this.#isReadOnly = isReadOnly;
    this.#expected = new Uint8Array(rig.memory.bytes.length);
  }

  /** Runs `act`, in which the device may do something, and checks everything afterwards. */
  during(act: () => void): void {
    const { memory } = this.#rig;
    this.#expected.set(memory.bytes);
    let strayWrite: string | undefined;
    memory.onDeviceWrite = (offset, sizeBytes) => {
      if (!this.#mayChange(offset - memory.ramOffset, sizeBytes)) strayWrite ??= `${offset}+${sizeBytes}`;
      this.#expected.set(memory.bytes.subarray(offset, offset + sizeBytes), offset);
    };
    const startMs = performance.now();
    act();
    const tookMs = performance.now() - startMs;
    memory.onDeviceWrite = undefined;
    if (strayWrite !== undefined) throw new Error(`the device wrote where it may not: ${strayWrite}`);
    if (Buffer.compare(this.#expected, memory.bytes) !== 0)
      throw new Error("memory changed without a report");
    if (tookMs > MAX_ACCESS_MS) throw new Error(`one access took ${Math.round(tookMs)} ms`);
    this.#checkTransport();
  }

  checkValue(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
      throw new Error(`a register reads as ${value}`);
  }

  #checkTransport(): void {
    const { transport, line } = this.#rig;
    const interruptStatus = transport.readMmio(REG.interruptStatus, 4);
    if (line.isHigh !== (interruptStatus !== 0))
      throw new Error(`pin ${line.isHigh}, status ${interruptStatus}`);
    const status = transport.readMmio(REG.status, 4);
    if (!DRIVER_STATES.includes(status & 0x3f)) throw new Error(`impossible status 0x${status.toString(16)}`);
  }

  /** `at` is an offset into RAM, which starts at guest-physical 0 (these machines are small). */
  #mayChange(at: number, sizeBytes: number): boolean {
    if (at < 0 || at + sizeBytes > this.#rig.memory.ramBytes) return false;
    if (!this.#isReadOnly) return true;
    return this.usedRings.some((ring) => at >= ring.gpa && at + sizeBytes <= ring.gpa + ring.sizeBytes);
  }
}
