// What a virtio device gives its transport and what it gets back (virtio 1.2 §2, §3). The device knows queues and its
// configuration space; register blocks, status bits and interrupt pins belong to the transport (virtio/transport/).

import type { AccessSize } from "../cpu/vcpu.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import type { ChipState } from "../snapshot/chip-state.ts";
import type { SplitQueue } from "./queue/split-queue.ts";

/** Device type numbers (virtio 1.2 §5). */
export const VirtioDeviceType = { Block: 2, Console: 3, Entropy: 4, Vsock: 19 } as const;

/** Feature bits that belong to no single device (virtio 1.2 §6). */
export const VirtioFeature = {
  IndirectDescriptors: 1n << 28n,
  EventIdx: 1n << 29n,
  Version1: 1n << 32n,
  InOrder: 1n << 35n,
} as const;

/** How a device reaches its driver. Calls are cheap and may be made at any time between activate and reset. */
export interface VirtioInterrupt {
  /** A used buffer interrupt. Ask `queue.takeInterruptDecision()` first: the driver may have suppressed it. */
  signalUsed(): void;
  /** The configuration space has changed: the generation steps and the driver is told. */
  signalConfigChange(): void;
  /** The device met something it cannot go on from (a broken ring). It must do nothing more until reset. */
  signalNeedsReset(): void;
}

/** What a device works with between activate and reset. */
export interface VirtioActivation {
  readonly memory: GuestMemory;
  /** One per entry of `queueMaxSizes`; the ones the driver did not enable have `isReady` false. */
  readonly queues: readonly SplitQueue[];
  readonly interrupt: VirtioInterrupt;
  /** Features both sides agreed on: always a subset of `features`. */
  readonly features: bigint;
}

/**
 * A virtio device. No call throws for anything a guest does. Life: reset → (activate → notify… → reset)…; config space
 * may be read and written at any time. Work on notify is bounded by the queue size.
 */
export interface VirtioDevice {
  /** For traces and messages, for example "virtio-block". */
  readonly name: string;
  readonly deviceType: number;
  /** Features offered to the driver, VERSION_1 included. Constant over the life of the device. */
  readonly features: bigint;
  /** Largest size of each queue, a power of two of at most 32768. */
  readonly queueMaxSizes: readonly number[];
  /** Little-endian value at `offset` of the configuration space; 0 beyond its end. */
  readConfig(offset: number, size: AccessSize): number;
  /** Ignored where the field is read-only or absent. */
  writeConfig(offset: number, size: AccessSize, value: number): void;
  /** DRIVER_OK was set. Buffers may already be available, so devices look at their queues here. */
  activate(activation: VirtioActivation): void;
  /** The driver made buffers available in `queueIndex` (a valid index) after activate. */
  notify(queueIndex: number): void;
  /** Back to the state before activate; results of requests in flight are dropped. Safe to call at any time. */
  reset(): void;
  /** True while requests handed to a back end have not come back. State is only complete when false. */
  hasPendingWork(): boolean;
  /** What reset clears. Queues and negotiation are the transport's. */
  state(): ChipState;
  /** Takes over `state` of a device of the same kind, with its queues as saved. Throws HearthError for nonsense. */
  restore(state: ChipState, activation: VirtioActivation | undefined): void;
}
