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

/** What a request holds: bytes for the device to read, then room for it to write. */
export interface RequestShape {
  readonly readable: Uint8Array;
  readonly writableBytes: number;
}

export interface HostileGuestOptions {
  /** A request that a device of this kind understands, more or less; half of all chains are made of these. */
  readonly makeRequest?: (prng: Prng, queueIndex: number) => RequestShape;
  /** The queue that half of all chains go to; any other is only taken as often as chance wants. */
  readonly busyQueue?: number;
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
  /** Whether this initialisation puts rings where they cannot be. */
  #isWild = false;

  constructor(rig: VirtioRig, prng: Prng, options: HostileGuestOptions = {}) {
    this.#rig = rig;
    this.#prng = prng;
    this.#options = options;
    this.#watch = new DeviceWatch(rig, options.isReadOnly ?? false);
  }

  /** Does one bad thing, or a few that belong together. Throws when the device let itself be broken. */
  step(): void {
    const choice = this.#prng.below(24);
    if (this.#queues.length === 0 || (choice === 0 && this.#prng.oneIn(2))) this.#initialise();
    else if (choice === 1) this.#writeAnywhere();
    else if (choice === 2) this.#access(() => this.#readAnywhere());
    else if (choice === 3) this.#scribble();
    else if (choice === 4) this.#access(() => this.#options.disturb?.(this.#prng));
    else if (choice === 5 && this.#prng.oneIn(3)) this.#jumpIndex();
    else if (choice < 8) this.#write(REG.queueNotify, this.#prng.below(this.#queues.length + 1));
    else this.#offerAndNotify();
  }

  /** Steps in order, now and then one left out, with rings that may be anywhere. */
  #initialise(): void {
    const prng = this.#prng;
    this.#write(REG.status, 0);
    this.#queues = [];
    this.#isWild = prng.oneIn(4);
    for (const status of [1, 3]) this.#write(REG.status, status);
    const features =
      this.#isWild && prng.oneIn(4) ? BigInt(prng.u32()) << 16n : this.#rig.transport.device.features;
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
    const size = prng.oneIn(4) ? 1 << prng.below(Math.log2(maxSize) + 1) : Math.min(maxSize, 64);
    // Apart from each other most of the time, else on top of each other or of anything.
    const slot = this.#isWild && !this.#options.isReadOnly && prng.oneIn(3) ? 0 : index;
    const queue = new MockQueue(
      this.#rig.memory,
      0x1000 + slot * Math.ceil(queueBytes(maxSize) / 4096) * 4096,
      size,
    );
    this.#queues[index] = queue;
    this.#watch.usedRings[index] = { gpa: queue.usedGpa, sizeBytes: 6 + 8 * size };
    this.#write(REG.queueSel, index);
    this.#write(REG.queueNum, this.#isWild && prng.oneIn(8) ? prng.u32() : size);
    const addresses = [queue.descriptorGpa, queue.availableGpa, queue.usedGpa];
    for (const [i, register] of [REG.descLow, REG.driverLow, REG.deviceLow].entries()) {
      const isWild = this.#isWild && !this.#options.isReadOnly && prng.oneIn(8);
      this.#write(
        register,
        isWild ? prng.pick([prng.u32(), prng.below(this.#rig.memory.ramBytes) & ~15]) : addresses[i]!,
      );
      if (this.#isWild && prng.oneIn(12)) this.#write(register + 4, prng.pick([1, 0xffff_ffff, prng.u32()]));
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
    const { busyQueue } = this.#options;
    const index = busyQueue !== undefined && prng.oneIn(2) ? busyQueue : prng.below(this.#queues.length);
    const queue = this.#queues[index]!;
    // More chains than the ring holds would break it: a find to make now and then, not with every small ring.
    const underWay = (queue.availableIndex - this.#rig.memory.readU16(queue.usedGpa + 2)) & 0xffff;
    const chains = prng.oneIn(50)
      ? queue.size + 1
      : Math.min(1 + prng.below(4), Math.max(0, queue.size - underWay));
    for (let i = 0; i < chains; i++) queue.publish(this.#layAnyChain(queue, index));
    if (prng.oneIn(3)) queue.setUsedEvent(prng.u32());
    this.#write(REG.queueNotify, index);
  }

  #layAnyChain(queue: MockQueue, queueIndex: number): number {
    const prng = this.#prng;
    const shape = prng.oneIn(2) ? this.#options.makeRequest?.(prng, queueIndex) : undefined;
    const head = shape === undefined ? this.#layNonsense(queue) : this.#layRequest(queue, shape);
    if (prng.oneIn(6)) this.#spoil(queue, head);
    return prng.oneIn(100) ? prng.u32() & 0xffff : head;
  }

  /** A proper chain for `shape`, cut into buffers at random. */
  #layRequest(queue: MockQueue, shape: RequestShape): number {
    const prng = this.#prng;
    const first = prng.below(queue.size);
    const pieces = [...this.#cut(shape.readable.length, 0), ...this.#cut(shape.writableBytes, DESC_WRITE)];
    let read = 0;
    pieces.forEach(({ sizeBytes, flags }, i) => {
      const gpa = this.#dataAddress();
      if (flags === 0 && this.#rig.memory.contains(gpa, sizeBytes)) {
        this.#rig.memory.write(gpa, shape.readable.subarray(read, read + sizeBytes));
        read += sizeBytes;
      }
      const isLast = i === pieces.length - 1;
      const kind = this.#options.isReadOnly ? 0 : flags;
      const at = (first + i) % queue.size;
      queue.writeDescriptor(at, gpa, sizeBytes, isLast ? kind : kind | DESC_NEXT, (at + 1) % queue.size);
    });
    return first;
  }

  #cut(sizeBytes: number, flags: number): { sizeBytes: number; flags: number }[] {
    if (sizeBytes === 0) return this.#prng.oneIn(2) ? [] : [{ sizeBytes, flags }];
    if (this.#prng.oneIn(2)) return [{ sizeBytes, flags }];
    const head = this.#prng.below(sizeBytes + 1);
    return [
      { sizeBytes: head, flags },
      { sizeBytes: sizeBytes - head, flags },
    ];
  }

  /** A few descriptors that mean nothing. */
  #layNonsense(queue: MockQueue): number {
    const prng = this.#prng;
    const count = 1 + prng.below(Math.min(queue.size, 5));
    const first = prng.below(queue.size);
    const readableCount = prng.below(count + 1);
    for (let i = 0; i < count; i++) {
      const at = (first + i) % queue.size;
      const isWritable = i >= readableCount && !this.#options.isReadOnly;
      const flags = (i === count - 1 ? 0 : DESC_NEXT) | (isWritable ? DESC_WRITE : 0);
      queue.writeDescriptor(at, this.#dataAddress(), this.#length(), flags, (at + 1) % queue.size);
    }
    return first;
  }

  /** Makes one field of a descriptor of the chain at `head` terribly wrong. */
  #spoil(queue: MockQueue, head: number): void {
    const prng = this.#prng;
    const { memory } = this.#rig;
    const at = queue.descriptorGpa + 16 * ((head + prng.below(3)) % queue.size);
    const field = prng.below(4);
    if (field === 0) memory.writeU64(at, this.#badAddress());
    else if (field === 1)
      memory.writeU32(at + 8, prng.pick([0xffff_ffff, 0x8000_0000, 0xffff_fff0, prng.u32()]));
    else if (field === 2)
      memory.writeU16(at + 12, prng.u32() & (this.#options.isReadOnly ? DESC_NEXT | DESC_INDIRECT : 0xffff));
    else memory.writeU16(at + 14, prng.oneIn(2) ? head : prng.u32() & 0xffff);
  }

  #dataAddress(): number {
    const { ramBytes } = this.#rig.memory;
    const half = ramBytes / 2;
    if (this.#prng.oneIn(16)) return ramBytes - this.#prng.below(64);
    return half + this.#prng.below(half - 8192);
  }

  #badAddress(): bigint {
    const prng = this.#prng;
    const { ramBytes } = this.#rig.memory;
    const edges = [0xffff_ffff_ffff_fff0n, BigInt(ramBytes - 4), BigInt(ramBytes), 1n << 53n, 1n << 32n];
    return prng.oneIn(3) ? (BigInt(prng.u32()) << 32n) | BigInt(prng.u32()) : prng.pick(edges);
  }

  #length(): number {
    const prng = this.#prng;
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
