// A virtio driver for tests, over a device's register window: initialisation by the book (virtio 1.2 §3.1.1), queues,
// notifications, interrupts. Register offsets are written out here, not taken from the device.

import type { GuestMemory, MmioDevice } from "@hearth/machine";
import { GuestArena } from "./guest-arena.ts";
import { MockQueue, queueBytes } from "./mock-queue.ts";

export const REG = {
  magic: 0x00,
  version: 0x04,
  deviceId: 0x08,
  vendor: 0x0c,
  deviceFeatures: 0x10,
  deviceFeaturesSel: 0x14,
  driverFeatures: 0x20,
  driverFeaturesSel: 0x24,
  queueSel: 0x30,
  queueNumMax: 0x34,
  queueNum: 0x38,
  queueReady: 0x44,
  queueNotify: 0x50,
  interruptStatus: 0x60,
  interruptAck: 0x64,
  status: 0x70,
  descLow: 0x80,
  descHigh: 0x84,
  driverLow: 0x90,
  driverHigh: 0x94,
  deviceLow: 0xa0,
  deviceHigh: 0xa4,
  configGeneration: 0xfc,
  config: 0x100,
} as const;

export const FEATURE_EVENT_IDX = 1n << 29n;
export const FEATURE_VERSION_1 = 1n << 32n;

/** Drives one device. Buffers come from `arena`. */
export class MockDriver {
  readonly memory: GuestMemory;
  readonly device: MmioDevice;
  readonly arena: GuestArena;
  queues: MockQueue[] = [];

  constructor(memory: GuestMemory, device: MmioDevice) {
    this.memory = memory;
    this.device = device;
    this.arena = new GuestArena(memory);
  }

  read(register: number): number {
    return this.device.readMmio(register, 4);
  }

  write(register: number, value: number): void {
    this.device.writeMmio(register, 4, value);
  }

  get status(): number {
    return this.read(REG.status);
  }

  /** Features the device offers. */
  offeredFeatures(): bigint {
    this.write(REG.deviceFeaturesSel, 0);
    const low = BigInt(this.read(REG.deviceFeatures));
    this.write(REG.deviceFeaturesSel, 1);
    return low | (BigInt(this.read(REG.deviceFeatures)) << 32n);
  }

  /** Reset up to FEATURES_OK; returns whether the device accepted `features`. */
  negotiate(features: bigint): boolean {
    this.write(REG.status, 0);
    this.write(REG.status, 1);
    this.write(REG.status, 3);
    this.write(REG.driverFeaturesSel, 0);
    this.write(REG.driverFeatures, Number(features & 0xffff_ffffn));
    this.write(REG.driverFeaturesSel, 1);
    this.write(REG.driverFeatures, Number(features >> 32n));
    this.write(REG.status, 0x0b);
    return this.status === 0x0b;
  }

  /** Places a queue of `size` in memory and makes it ready. */
  setUpQueue(index: number, size: number): MockQueue {
    const queue = new MockQueue(this.memory, this.arena.take(queueBytes(size), 4096), size);
    this.write(REG.queueSel, index);
    this.write(REG.queueNum, size);
    const addresses: [number, number][] = [
      [REG.descLow, queue.descriptorGpa],
      [REG.driverLow, queue.availableGpa],
      [REG.deviceLow, queue.usedGpa],
    ];
    for (const [register, gpa] of addresses) {
      this.write(register, gpa % 2 ** 32);
      this.write(register + 4, Math.floor(gpa / 2 ** 32));
    }
    this.write(REG.queueReady, 1);
    this.queues[index] = queue;
    return queue;
  }

  /** The whole way to DRIVER_OK, with every queue at `size` or its largest, and all offered features but `without`. */
  start(options: { size?: number; without?: bigint } = {}): MockQueue[] {
    const features = this.offeredFeatures() & ~(options.without ?? 0n);
    if (!this.negotiate(features)) throw new Error("the device did not accept the features it offers");
    this.queues = [];
    for (let index = 0; ; index++) {
      this.write(REG.queueSel, index);
      const maxSize = this.read(REG.queueNumMax);
      if (maxSize === 0) break;
      this.setUpQueue(index, Math.min(options.size ?? maxSize, maxSize));
    }
    this.write(REG.status, 0x0f);
    if (this.status !== 0x0f) throw new Error(`status is 0x${this.status.toString(16)} after DRIVER_OK`);
    return this.queues;
  }

  notify(queueIndex: number): void {
    this.write(REG.queueNotify, queueIndex);
  }

  /** Reads and acknowledges the interrupt status, as a handler does. */
  takeInterrupts(): number {
    const bits = this.read(REG.interruptStatus);
    this.write(REG.interruptAck, bits);
    return bits;
  }
}
