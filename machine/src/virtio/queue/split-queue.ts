// Split virtqueue, device side (virtio 1.2 §2.7): descriptor table, available ring, used ring, notification suppression
// by flags or by EVENT_IDX. Indirect descriptors and the packed layout are not offered, so an indirect descriptor is a
// malformed chain. Hot: no allocation for a descriptor or a chain.
//
// Two things can be wrong. A *malformed chain* (loop, buffer outside RAM, bad order) is given back with length 0 and
// counted; the device never sees it. A *broken ring* (an index that cannot be) leaves nothing to trust: the queue
// stops for good and says so, and the device asks its driver for a reset.

import { HearthError, assert } from "../../errors.ts";
import type { GuestMemory } from "../../memory/guest-memory.ts";
import { type ChipState, openState } from "../../snapshot/chip-state.ts";
import type { DescriptorChain } from "./descriptor-chain.ts";

const DESCRIPTOR_SIZE = 16;
const USED_ELEMENT_SIZE = 8;
const DescriptorFlag = { Next: 1, Write: 2, Indirect: 4 } as const;
const AVAIL_FLAG_NO_INTERRUPT = 1;

const STATE_KIND = "virtqueue";
const STATE_VERSION = 1;
/** Ring addresses are kept as the driver gave them: exact below 2^53, else some number that is no RAM. */
const MAX_GPA = 2 ** 64;

/** One queue of a device. The transport fills the public fields in, calls `start`, and hands it to the device. */
export class SplitQueue {
  readonly maxSize: number;
  /** 0 when the driver asked for a size that cannot be: the queue will not start then. */
  size: number;
  isReady = false;
  descriptorGpa = 0;
  availableGpa = 0;
  usedGpa = 0;
  /** Called once when the ring turns out to be broken. */
  onBroken: (() => void) | undefined;
  /** Chains given back unserved since power-on. */
  malformedChains = 0;

  readonly #memory: GuestMemory;
  /** Ring indices, read and written as single 16-bit accesses that other threads see in order. */
  readonly #halfWords: Uint16Array;
  #descriptorOffset = 0;
  #availableOffset = 0;
  #usedOffset = 0;
  #nextAvailable = 0;
  #nextUsed = 0;
  /** The used index when the driver was last considered for an interrupt. */
  #signalledUsed = 0;
  #hasEventIdx = false;
  #isRunning = false;
  #isBroken = false;

  constructor(memory: GuestMemory, maxSize: number) {
    assert(isQueueSize(maxSize), `queue size ${maxSize} is not a power of two up to 32768`);
    this.#memory = memory;
    this.#halfWords = new Uint16Array(memory.buffer, 0, Math.floor(memory.buffer.byteLength / 2));
    this.maxSize = maxSize;
    this.size = maxSize;
  }

  /** The ring's indices cannot be trusted any more; nothing works until reset. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Between a successful `start` and reset, and not broken. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  reset(): void {
    this.size = this.maxSize;
    this.isReady = false;
    this.descriptorGpa = 0;
    this.availableGpa = 0;
    this.usedGpa = 0;
    this.#nextAvailable = 0;
    this.#nextUsed = 0;
    this.#signalledUsed = 0;
    this.#hasEventIdx = false;
    this.#isRunning = false;
    this.#isBroken = false;
  }

  /** Whether the driver may make the queue this long: a power of two up to `maxSize` (§2.7). */
  accepts(size: number): boolean {
    return isQueueSize(size) && size <= this.maxSize;
  }

  /** Checks size, alignment and place of the three rings and starts. False when they cannot be used. */
  start(hasEventIdx: boolean): boolean {
    if (this.#isBroken || !this.accepts(this.size)) return false;
    const descriptors = this.#place(this.descriptorGpa, DESCRIPTOR_SIZE * this.size, 16);
    const available = this.#place(this.availableGpa, 6 + 2 * this.size, 2);
    const used = this.#place(this.usedGpa, 6 + USED_ELEMENT_SIZE * this.size, 4);
    if (descriptors < 0 || available < 0 || used < 0) return false;
    this.#descriptorOffset = descriptors;
    this.#availableOffset = available;
    this.#usedOffset = used;
    this.#hasEventIdx = hasEventIdx;
    this.#isRunning = true;
    return true;
  }

  /**
   * Takes the next available chain into `chain`. False when there is none; the driver is then asked to notify about
   * the next one, so whoever stops before false must come back by itself. Malformed chains on the way are given back,
   * so call `takeInterruptDecision` even after false.
   */
  pop(chain: DescriptorChain): boolean {
    // A ring's worth of malformed chains, and the look that finds nothing behind them.
    for (let tries = 0; tries <= this.size; tries++) {
      if (!this.hasAvailable()) {
        if (!this.#hasEventIdx || !this.#isRunning) return false;
        this.#askForNotification();
        if (!this.hasAvailable()) return false;
      }
      const slot = this.#nextAvailable & (this.size - 1);
      const head = this.#memory.view.getUint16(this.#availableOffset + 4 + 2 * slot, true);
      if (head >= this.size) {
        this.#break();
        return false;
      }
      this.#nextAvailable = (this.#nextAvailable + 1) & 0xffff;
      if (this.#walk(head, chain)) return true;
      this.malformedChains++;
      this.pushUsed(head, 0);
    }
    return false;
  }

  /** True when the driver has made chains available that were not popped. */
  hasAvailable(): boolean {
    if (!this.#isRunning) return false;
    const waiting = (this.#loadHalfWord(this.#availableOffset + 2) - this.#nextAvailable) & 0xffff;
    if (waiting <= this.size) return waiting > 0;
    this.#break();
    return false;
  }

  /** Gives the chain that starts at `head` back, with `writtenBytes` at the start of its writable part filled. */
  pushUsed(head: number, writtenBytes: number): void {
    if (!this.#isRunning) return;
    const at = this.#usedOffset + 4 + USED_ELEMENT_SIZE * (this.#nextUsed & (this.size - 1));
    const { view } = this.#memory;
    view.setUint32(at, head, true);
    view.setUint32(at + 4, writtenBytes, true);
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
    Atomics.store(this.#halfWords, (this.#usedOffset + 2) / 2, this.#nextUsed);
    this.#memory.noteDeviceWrite(this.#usedOffset, 4);
    this.#memory.noteDeviceWrite(at, USED_ELEMENT_SIZE);
  }

  /**
   * Whether the driver wants an interrupt for what was given back since the last call (§2.7.7, §2.7.10). Call it once
   * after a batch of pushUsed and signal when true.
   */
  takeInterruptDecision(): boolean {
    if (!this.#isRunning || this.#nextUsed === this.#signalledUsed) return false;
    const added = (this.#nextUsed - this.#signalledUsed) & 0xffff;
    this.#signalledUsed = this.#nextUsed;
    if (!this.#hasEventIdx)
      return (this.#loadHalfWord(this.#availableOffset) & AVAIL_FLAG_NO_INTERRUPT) === 0;
    const usedEvent = this.#loadHalfWord(this.#availableOffset + 4 + 2 * this.size);
    return ((this.#nextUsed - usedEvent - 1) & 0xffff) < added;
  }

  state(): ChipState {
    const { size, isReady, descriptorGpa, availableGpa, usedGpa } = this;
    const data = {
      ...{ size, isReady, descriptorGpa, availableGpa, usedGpa },
      nextAvailable: this.#nextAvailable,
      nextUsed: this.#nextUsed,
      signalledUsed: this.#signalledUsed,
      isBroken: this.#isBroken,
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  /** Takes over `state`; the transport calls `start` afterwards if the device was running. */
  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.reset();
    const size = fields.integer("size", this.maxSize);
    if (size !== 0 && !this.accepts(size))
      throw new HearthError("snapshot.field", `A virtqueue cannot have size ${size}.`);
    this.size = size;
    this.isReady = fields.boolean("isReady");
    this.descriptorGpa = fields.integer("descriptorGpa", MAX_GPA);
    this.availableGpa = fields.integer("availableGpa", MAX_GPA);
    this.usedGpa = fields.integer("usedGpa", MAX_GPA);
    this.#nextAvailable = fields.integer("nextAvailable", 0xffff);
    this.#nextUsed = fields.integer("nextUsed", 0xffff);
    this.#signalledUsed = fields.integer("signalledUsed", 0xffff);
    this.#isBroken = fields.boolean("isBroken");
  }

  /** Fills `chain` from `head` (a valid index). False when malformed. */
  #walk(head: number, chain: DescriptorChain): boolean {
    const { view } = this.#memory;
    chain.begin(head);
    let index = head;
    for (let links = 0; links < this.size; links++) {
      const at = this.#descriptorOffset + DESCRIPTOR_SIZE * index;
      // Beyond 2^53 the sum is inexact, but then it is far outside RAM as well.
      const gpa = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
      const sizeBytes = view.getUint32(at + 8, true);
      const flags = view.getUint16(at + 12, true);
      const next = view.getUint16(at + 14, true);
      if ((flags & DescriptorFlag.Indirect) !== 0) return false;
      const offset = this.#memory.offsetOf(gpa, sizeBytes);
      if (offset < 0 || !chain.append(offset, sizeBytes, (flags & DescriptorFlag.Write) !== 0)) return false;
      if ((flags & DescriptorFlag.Next) === 0) return true;
      if (next >= this.size) return false;
      index = next;
    }
    // More links than descriptors: a loop.
    return false;
  }

  /** EVENT_IDX: avail_event, the last field of the used ring, asks for a notification at that index (§2.7.10). */
  #askForNotification(): void {
    const at = this.#usedOffset + 4 + USED_ELEMENT_SIZE * this.size;
    Atomics.store(this.#halfWords, at / 2, this.#nextAvailable);
    this.#memory.noteDeviceWrite(at, 2);
  }

  #loadHalfWord(offset: number): number {
    return Atomics.load(this.#halfWords, offset / 2);
  }

  #place(gpa: number, sizeBytes: number, alignment: number): number {
    return gpa % alignment === 0 ? this.#memory.offsetOf(gpa, sizeBytes) : -1;
  }

  #break(): void {
    this.#isBroken = true;
    this.#isRunning = false;
    this.onBroken?.();
  }
}

function isQueueSize(size: number): boolean {
  return Number.isInteger(size) && size > 0 && size <= 32768 && (size & (size - 1)) === 0;
}
