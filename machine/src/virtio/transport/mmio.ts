// virtio over MMIO, version 2 (virtio 1.2 §4.2): register block, status machine, feature negotiation, interrupts.
// Vendor id 0 as Firecracker's. Strict: the driver must take the steps of §3.1.1 in order; anything out of turn is
// ignored and counted. No legacy interface, no shared memory regions, no queue reset.

import { HearthError } from "../../errors.ts";
import type { MmioDevice } from "../../bus/mmio-device.ts";
import type { AccessSize } from "../../cpu/vcpu.ts";
import type { InterruptLine } from "../../interrupts/interrupt-line.ts";
import type { GuestMemory } from "../../memory/guest-memory.ts";
import { type ChipState, openState } from "../../snapshot/chip-state.ts";
import type { VirtioActivation, VirtioDevice, VirtioInterrupt } from "../device.ts";
import { VirtioFeature } from "../device.ts";
import { SplitQueue } from "../queue/split-queue.ts";
import { DeviceStatus, InterruptBit, MMIO_MAGIC, MMIO_VERSION, MmioRegister } from "./mmio-registers.ts";

/** The steps of initialisation: status before, the one bit the driver may add then. */
const NEXT_STEP: ReadonlyMap<number, number> = new Map([
  [0, DeviceStatus.Acknowledge],
  [0x01, DeviceStatus.Driver],
  [0x03, DeviceStatus.FeaturesOk],
  [0x0b, DeviceStatus.DriverOk],
]);
const INTERRUPT_BITS = InterruptBit.UsedBuffer | InterruptBit.ConfigChange;
const STATUS_NEGOTIATING = DeviceStatus.Acknowledge | DeviceStatus.Driver;
const STATUS_CONFIGURING = STATUS_NEGOTIATING | DeviceStatus.FeaturesOk;
const STATUS_RUNNING = STATUS_CONFIGURING | DeviceStatus.DriverOk;

const STATE_KIND = "virtio-mmio";
const STATE_VERSION = 1;

/** Puts a virtio device behind a register window. Owns the queues; drives the line while an interrupt is unacknowledged. */
export class MmioTransport implements MmioDevice, VirtioInterrupt {
  readonly name: string;
  readonly device: VirtioDevice;
  /** Accesses that made no sense: wrong size, unknown register, wrong time. */
  oddAccesses = 0;

  readonly #memory: GuestMemory;
  readonly #line: InterruptLine;
  readonly #queues: readonly SplitQueue[];
  #status = 0;
  #driverFeatures = 0n;
  #deviceFeaturesSel = 0;
  #driverFeaturesSel = 0;
  #queueSel = 0;
  #interruptStatus = 0;
  #configGeneration = 0;

  constructor(device: VirtioDevice, memory: GuestMemory, line: InterruptLine) {
    this.name = device.name;
    this.device = device;
    this.#memory = memory;
    this.#line = line;
    this.#queues = device.queueMaxSizes.map((maxSize) => new SplitQueue(memory, maxSize));
    for (const queue of this.#queues) queue.onBroken = () => this.signalNeedsReset();
  }

  readMmio(offset: number, size: AccessSize): number {
    if (offset >= MmioRegister.Config)
      return this.device.readConfig(offset - MmioRegister.Config, size) >>> 0;
    if (size !== 4 || offset % 4 !== 0) return this.#odd();
    return this.#readRegister(offset) >>> 0;
  }

  writeMmio(offset: number, size: AccessSize, value: number): void {
    if (offset >= MmioRegister.Config) {
      const canWrite =
        (this.#status & DeviceStatus.Driver) !== 0 && (this.#status & DeviceStatus.Failed) === 0;
      if (canWrite) this.device.writeConfig(offset - MmioRegister.Config, size, value >>> 0);
      else this.#odd();
      return;
    }
    if (size !== 4 || offset % 4 !== 0) this.#odd();
    else this.#writeRegister(offset, value >>> 0);
  }

  /** What the driver gets by writing 0 to Status, and what power-on gives. */
  reset(): void {
    this.#status = 0;
    this.device.reset();
    for (const queue of this.#queues) queue.reset();
    this.#driverFeatures = 0n;
    this.#deviceFeaturesSel = 0;
    this.#driverFeaturesSel = 0;
    this.#queueSel = 0;
    this.#interruptStatus = 0;
    this.#line.setLevel(false);
  }

  signalUsed(): void {
    if (this.#isRunning()) this.#raise(InterruptBit.UsedBuffer);
  }

  signalConfigChange(): void {
    this.#configGeneration = (this.#configGeneration + 1) >>> 0;
    if ((this.#status & DeviceStatus.DriverOk) !== 0) this.#raise(InterruptBit.ConfigChange);
  }

  signalNeedsReset(): void {
    if ((this.#status & DeviceStatus.DeviceNeedsReset) !== 0) return;
    this.#status |= DeviceStatus.DeviceNeedsReset;
    this.signalConfigChange();
  }

  /** Queues and device included. */
  state(): ChipState {
    const data = {
      status: this.#status,
      driverFeatures: this.#driverFeatures,
      deviceFeaturesSel: this.#deviceFeaturesSel,
      driverFeaturesSel: this.#driverFeaturesSel,
      queueSel: this.#queueSel,
      interruptStatus: this.#interruptStatus,
      configGeneration: this.#configGeneration,
      queues: this.#queues.map((queue) => queue.state()),
      device: this.device.state(),
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  /** Takes over the state of a transport over the same kind of device; RAM must already hold what it held then. */
  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.reset();
    this.#status = fields.integer("status", 0xff);
    this.#driverFeatures = fields.bigint("driverFeatures", 0xffff_ffff_ffff_ffffn);
    this.#deviceFeaturesSel = fields.integer("deviceFeaturesSel", 0xffff_ffff);
    this.#driverFeaturesSel = fields.integer("driverFeaturesSel", 0xffff_ffff);
    this.#queueSel = fields.integer("queueSel", 0xffff_ffff);
    this.#interruptStatus = fields.integer("interruptStatus", INTERRUPT_BITS);
    this.#configGeneration = fields.integer("configGeneration", 0xffff_ffff);
    const queues = fields.list("queues", this.#queues.length);
    this.#queues.forEach((queue, index) => queue.restore(queues[index] as ChipState));
    const isDriverOk = (this.#status & DeviceStatus.DriverOk) !== 0;
    if (isDriverOk && !this.#areFeaturesAcceptable())
      throw new HearthError("snapshot.features", `The driver uses features that this ${this.name} lacks.`);
    // With a queue that is broken or could never start, the device waits for its reset.
    const isActive = isDriverOk && this.#startQueues();
    this.device.restore(fields.chip("device"), isActive ? this.#activation() : undefined);
    if (isDriverOk && !isActive) this.signalNeedsReset();
    this.#line.setLevel(this.#interruptStatus !== 0);
  }

  #readRegister(offset: number): number {
    switch (offset) {
      case MmioRegister.MagicValue:
        return MMIO_MAGIC;
      case MmioRegister.Version:
        return MMIO_VERSION;
      case MmioRegister.DeviceId:
        return this.device.deviceType;
      case MmioRegister.VendorId:
        return 0;
      case MmioRegister.DeviceFeatures:
        return featureHalf(this.device.features, this.#deviceFeaturesSel);
      case MmioRegister.QueueNumMax:
        return this.#selectedQueue()?.maxSize ?? 0;
      case MmioRegister.QueueReady:
        return this.#selectedQueue()?.isReady ? 1 : 0;
      case MmioRegister.InterruptStatus:
        return this.#interruptStatus;
      case MmioRegister.Status:
        return this.#status;
      case MmioRegister.ShmLenLow:
      case MmioRegister.ShmLenHigh:
      case MmioRegister.ShmBaseLow:
      case MmioRegister.ShmBaseHigh:
        return 0xffff_ffff;
      case MmioRegister.ConfigGeneration:
        return this.#configGeneration;
      default:
        return this.#odd();
    }
  }

  #writeRegister(offset: number, value: number): void {
    switch (offset) {
      case MmioRegister.QueueNotify:
        this.#notify(value);
        break;
      case MmioRegister.InterruptAck:
        this.#acknowledge(value);
        break;
      case MmioRegister.Status:
        this.#writeStatus(value);
        break;
      case MmioRegister.DeviceFeaturesSel:
        this.#deviceFeaturesSel = value;
        break;
      case MmioRegister.DriverFeaturesSel:
        this.#driverFeaturesSel = value;
        break;
      case MmioRegister.DriverFeatures:
        this.#writeDriverFeatures(value);
        break;
      case MmioRegister.QueueSel:
        this.#queueSel = value;
        break;
      default:
        this.#writeQueueRegister(offset, value);
    }
  }

  #writeQueueRegister(offset: number, value: number): void {
    const queue = this.#selectedQueue();
    if (queue === undefined || this.#status !== STATUS_CONFIGURING) {
      this.#odd();
      return;
    }
    // A ready queue is frozen (§4.2.2.2): it can only be made unready again.
    if (queue.isReady && offset !== MmioRegister.QueueReady) {
      this.#odd();
      return;
    }
    switch (offset) {
      case MmioRegister.QueueNum:
        queue.size = queue.accepts(value) ? value : 0;
        break;
      case MmioRegister.QueueReady:
        queue.isReady = value === 1;
        break;
      case MmioRegister.QueueDescLow:
        queue.descriptorGpa = withLow(queue.descriptorGpa, value);
        break;
      case MmioRegister.QueueDescHigh:
        queue.descriptorGpa = withHigh(queue.descriptorGpa, value);
        break;
      case MmioRegister.QueueDriverLow:
        queue.availableGpa = withLow(queue.availableGpa, value);
        break;
      case MmioRegister.QueueDriverHigh:
        queue.availableGpa = withHigh(queue.availableGpa, value);
        break;
      case MmioRegister.QueueDeviceLow:
        queue.usedGpa = withLow(queue.usedGpa, value);
        break;
      case MmioRegister.QueueDeviceHigh:
        queue.usedGpa = withHigh(queue.usedGpa, value);
        break;
      default:
        this.#odd();
    }
  }

  #writeStatus(value: number): void {
    if (value === 0) {
      this.reset();
      return;
    }
    if ((value & DeviceStatus.Failed) !== 0) {
      this.#status |= DeviceStatus.Failed;
      return;
    }
    const driverBits = this.#status & ~DeviceStatus.DeviceNeedsReset;
    const added = NEXT_STEP.get(driverBits);
    if (added === undefined || (value & ~DeviceStatus.DeviceNeedsReset) !== (driverBits | added)) {
      // Writing the bits again that are set already is harmless and drivers do it.
      if ((value & ~DeviceStatus.DeviceNeedsReset) !== driverBits) this.#odd();
      return;
    }
    // Refusing features is leaving FEATURES_OK clear; the driver reads it back (§3.1.1 step 6).
    if (added === DeviceStatus.FeaturesOk && !this.#areFeaturesAcceptable()) return;
    this.#status |= added;
    if (added === DeviceStatus.DriverOk) this.#activate();
  }

  #areFeaturesAcceptable(): boolean {
    const chosen = this.#driverFeatures;
    return (chosen & ~this.device.features) === 0n && (chosen & VirtioFeature.Version1) !== 0n;
  }

  #writeDriverFeatures(value: number): void {
    if (this.#status !== STATUS_NEGOTIATING) {
      this.#odd();
      return;
    }
    if (this.#driverFeaturesSel > 1) {
      // Features from 64 up are never offered; choosing none of them is what drivers do.
      if (value !== 0) this.#odd();
      return;
    }
    const shift = BigInt(this.#driverFeaturesSel) * 32n;
    this.#driverFeatures = (this.#driverFeatures & ~(0xffff_ffffn << shift)) | (BigInt(value) << shift);
  }

  #activate(): void {
    if (!this.#startQueues()) {
      this.signalNeedsReset();
      return;
    }
    this.device.activate(this.#activation());
  }

  /** Starts the queues the driver made ready. False when one of them cannot be used. */
  #startQueues(): boolean {
    const hasEventIdx = (this.#driverFeatures & VirtioFeature.EventIdx) !== 0n;
    let isEveryStarted = true;
    for (const queue of this.#queues) {
      if (queue.isReady && !queue.start(hasEventIdx)) isEveryStarted = false;
    }
    return isEveryStarted;
  }

  #activation(): VirtioActivation {
    return { memory: this.#memory, queues: this.#queues, interrupt: this, features: this.#driverFeatures };
  }

  #notify(queueIndex: number): void {
    if (this.#isRunning() && this.#queues[queueIndex]?.isRunning) this.device.notify(queueIndex);
    else this.#odd();
  }

  #acknowledge(bits: number): void {
    this.#interruptStatus &= ~bits;
    if (this.#interruptStatus === 0) this.#line.setLevel(false);
  }

  /** The line is edge-triggered to the guest: an event while an older one is unacknowledged makes a new edge. */
  #raise(bit: number): void {
    if (this.#interruptStatus !== 0) this.#line.setLevel(false);
    this.#interruptStatus |= bit;
    this.#line.setLevel(true);
  }

  #isRunning(): boolean {
    return this.#status === STATUS_RUNNING;
  }

  #selectedQueue(): SplitQueue | undefined {
    return this.#queues[this.#queueSel];
  }

  #odd(): number {
    this.oddAccesses++;
    return 0;
  }
}

function featureHalf(features: bigint, select: number): number {
  return select > 1 ? 0 : Number((features >> (BigInt(select) * 32n)) & 0xffff_ffffn);
}

// Exact below 2^53. A high half beyond that costs the low half its last bits, but no such address is RAM anyway.
function withLow(gpa: number, low: number): number {
  return Math.floor(gpa / 0x1_0000_0000) * 0x1_0000_0000 + low;
}

function withHigh(gpa: number, high: number): number {
  return high * 0x1_0000_0000 + (gpa % 0x1_0000_0000);
}
