// A guest at its worst: random register accesses, rings in impossible places, garbage descriptors, self-referencing
// chains, lengths of 2^32 - 1, wrapping addresses, jumping indices, rings scribbled over between two steps. It knows
// enough of virtio to get past the front door, since a fuzzer that never reaches DRIVER_OK finds nothing.
//
// After every access it checks what no guest may be able to change: see DeviceWatch.

import type { Prng } from "../prng.ts";
import { DeviceWatch } from "./device-watch.ts";
import { REG } from "./mock-driver.ts";
import { DESC_INDIRECT, DESC_NEXT, DESC_WRITE, MockQueue, queueBytes } from "./mock-queue.ts";
import type { VirtioRig } from "./rig.ts";

const WINDOW_BYTES = 0x1000;
const REGISTERS = Object.values(REG);
const STATUS_VALUES = [0, 1, 3, 0x0b, 0x0f, 0x4f, 0x80, 0x8f, 0xff];

export interface HostileGuestOptions {
  /** Content that a device of this kind understands, put into readable buffers now and then. */
  readonly makePayload?: (prng: Prng) => Uint8Array;
  /** Something from outside happening between two accesses: a back end ends, a host user writes. */
  readonly disturb?: (prng: Prng) => void;
  /** No descriptor is device-writable, so that nothing but used rings may change. */
  readonly isReadOnly?: boolean;
}

/** One misbehaving guest. Call `step` as often as you like. */
export class HostileGuest {
  readonly #rig: VirtioRig;
  readonly #prng: Prng;
  readonly #options: HostileGuestOptions;
  readonly #watch: DeviceWatch;
  #queues: MockQueue[] = [];

  constructor(rig: VirtioRig, prng: Prng, options: HostileGuestOptions = {}) {
    this.#rig = rig;
    this.#prng = prng;
    this.#options = options;
    this.#watch = new DeviceWatch(rig, options.isReadOnly ?? false);
  }

  /** Does one bad thing, or a few that belong together. Throws when the device let itself be broken. */
  step(): void {
    const choice = this.#prng.below(16);
    if (this.#queues.length === 0 || choice === 0) this.#initialise();
    else if (choice === 1) this.#writeAnywhere();
    else if (choice === 2) this.#access(() => this.#readAnywhere());
    else if (choice === 3) this.#scribble();
    else if (choice === 4) this.#access(() => this.#options.disturb?.(this.#prng));
    else if (choice === 5) this.#jumpIndex();
    else if (choice < 9) this.#write(REG.queueNotify, this.#prng.below(this.#queues.length + 1));
    else this.#offerAndNotify();
  }

  /** Steps in order, now and then one left out, with rings that may be anywhere. */
  #initialise(): void {
    const prng = this.#prng;
    this.#write(REG.status, 0);
    this.#queues = [];
    for (const status of [1, 3]) this.#write(REG.status, status);
    const features = prng.oneIn(8) ? BigInt(prng.u32()) << 16n : this.#rig.transport.device.features;
    for (const half of [0, 1]) {
      this.#write(REG.driverFeaturesSel, half);
      const isEventIdxOff = half === 0 && prng.oneIn(2);
      const value = Number((features >> BigInt(32 * half)) & 0xffff_ffffn);
      this.#write(REG.driverFeatures, isEventIdxOff ? (value & ~(1 << 29)) >>> 0 : value);
    }
    this.#write(REG.status, 0x0b);
    for (const [index, maxSize] of this.#rig.transport.device.queueMaxSizes.entries())
      this.#placeQueue(index, maxSize);
    this.#write(REG.status, 0x0f);
  }

  #placeQueue(index: number, maxSize: number): void {
    const prng = this.#prng;
    const size = 1 << prng.below(Math.log2(maxSize) + 1);
    // Apart from each other most of the time, else on top of each other or of anything.
    const slot = prng.oneIn(10) ? 0 : index;
    const queue = new MockQueue(
      this.#rig.memory,
      0x1000 + slot * Math.ceil(queueBytes(maxSize) / 4096) * 4096,
      size,
    );
    this.#queues[index] = queue;
    this.#watch.usedRings[index] = { gpa: queue.usedGpa, sizeBytes: 6 + 8 * size };
    this.#write(REG.queueSel, index);
    this.#write(REG.queueNum, prng.oneIn(20) ? prng.u32() : size);
    const addresses = [queue.descriptorGpa, queue.availableGpa, queue.usedGpa];
    for (const [i, register] of [REG.descLow, REG.driverLow, REG.deviceLow].entries()) {
      const isWild = !this.#options.isReadOnly && prng.oneIn(20);
      this.#write(
        register,
        isWild ? prng.pick([prng.u32(), prng.below(this.#rig.memory.ramBytes) & ~15]) : addresses[i]!,
      );
      if (prng.oneIn(30)) this.#write(register + 4, prng.pick([1, 0xffff_ffff, prng.u32()]));
    }
    this.#write(REG.queueReady, 1);
  }

  #writeAnywhere(): void {
    const prng = this.#prng;
    const offset = prng.oneIn(2) ? prng.pick(REGISTERS) : prng.below(WINDOW_BYTES);
    const value = offset === REG.status ? prng.pick(STATUS_VALUES) : this.#wildNumber();
    const size = prng.oneIn(4) ? prng.pick([1, 2, 4] as const) : 4;
    this.#access(() => this.#rig.transport.writeMmio(offset, size, value));
  }

  #readAnywhere(): void {
    const offset = this.#prng.below(WINDOW_BYTES);
    const value = this.#rig.transport.readMmio(offset, this.#prng.pick([1, 2, 4] as const));
    this.#watch.checkValue(value);
  }

  #offerAndNotify(): void {
    const prng = this.#prng;
    const index = prng.below(this.#queues.length);
    const queue = this.#queues[index]!;
    const chains = 1 + prng.below(4);
    for (let i = 0; i < chains; i++) queue.publish(this.#layChain(queue));
    if (prng.oneIn(3)) queue.setUsedEvent(prng.u32());
    this.#write(REG.queueNotify, index);
  }

  /** A chain of a few descriptors, each field mostly right and sometimes terribly wrong. Returns its head. */
  #layChain(queue: MockQueue): number {
    const prng = this.#prng;
    const count = 1 + prng.below(Math.min(queue.size, 5));
    const first = prng.below(queue.size);
    const readableCount = prng.below(count + 1);
    for (let i = 0; i < count; i++) {
      const at = (first + i) % queue.size;
      const isLast = i === count - 1;
      const isWritable = i >= readableCount && !this.#options.isReadOnly;
      const flags = (isLast ? 0 : DESC_NEXT) | (isWritable ? DESC_WRITE : 0);
      const next = prng.oneIn(15) ? prng.u32() & 0xffff : (at + 1) % queue.size;
      const wildFlags = prng.u32() & 0xffff & (this.#options.isReadOnly ? DESC_NEXT | DESC_INDIRECT : 0xffff);
      queue.writeDescriptor(at, this.#address(i), this.#length(), prng.oneIn(15) ? wildFlags : flags, next);
    }
    return prng.oneIn(40) ? prng.u32() & 0xffff : first;
  }

  #address(position: number): bigint {
    const prng = this.#prng;
    const { ramBytes } = this.#rig.memory;
    if (prng.oneIn(12))
      return prng.pick([0xffff_ffff_ffff_fff0n, BigInt(ramBytes - 4), BigInt(ramBytes), 1n << 53n]);
    if (prng.oneIn(20)) return (BigInt(prng.u32()) << 32n) | BigInt(prng.u32());
    const gpa = ramBytes / 2 + prng.below(ramBytes / 2 - 4096);
    const payload = position === 0 && !prng.oneIn(4) ? this.#options.makePayload?.(prng) : undefined;
    if (payload !== undefined) this.#rig.memory.write(gpa, payload);
    return BigInt(gpa);
  }

  #length(): number {
    const prng = this.#prng;
    if (prng.oneIn(15)) return prng.pick([0xffff_ffff, 0x8000_0000, 0xffff_fff0, this.#rig.memory.ramBytes]);
    return prng.pick([0, 1, 12, 16, 20, 44, 48, 64, 512, 513, 1024, prng.below(4096)]);
  }

  /** Random bytes over ring memory, as another processor of the guest would write them. */
  #scribble(): void {
    const prng = this.#prng;
    const queue = prng.pick(this.#queues);
    if (this.#options.isReadOnly) return;
    const gpa = queue.descriptorGpa + prng.below(queueBytes(queue.size) - 16);
    this.#rig.memory.write(gpa, prng.fill(new Uint8Array(1 + prng.below(16))));
  }

  #jumpIndex(): void {
    const queue = this.#prng.pick(this.#queues);
    queue.setAvailableIndex(
      this.#prng.pick([this.#prng.u32(), queue.availableIndex + queue.size + 1, 0xffff]),
    );
  }

  #wildNumber(): number {
    const prng = this.#prng;
    return prng.pick([
      0,
      1,
      2,
      3,
      0x0f,
      255,
      256,
      0x7fff_ffff,
      0x8000_0000,
      0xffff_ffff,
      prng.u32(),
      prng.below(4096),
    ]);
  }

  #write(register: number, value: number): void {
    this.#access(() => this.#rig.transport.writeMmio(register, 4, value));
  }

  #access(act: () => void): void {
    this.#watch.during(act);
  }
}
