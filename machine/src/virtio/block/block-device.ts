// virtio block device (virtio 1.2 §5.2): one queue of requests handed to a back end that may answer later. More than
// Firecracker offers: seg_max, so that one request carries more than one page, and discard and write-zeroes.
// A chain that is not a request at all is given back with length 0; any other bad request gets a status.

import { HearthError } from "../../errors.ts";
import type { AccessSize } from "../../cpu/vcpu.ts";
import { type ChipState, openState } from "../../snapshot/chip-state.ts";
import { readConfigBytes } from "../config-space.ts";
import type { VirtioActivation, VirtioDevice } from "../device.ts";
import { VirtioDeviceType, VirtioFeature } from "../device.ts";
import type { BlockBackend } from "./block-backend.ts";
import { BlockConfig, BlockFeature, MAX_RANGE_SECTORS, SECTOR_BYTES } from "./block-layout.ts";
import type { BlockRequestOwner } from "./block-request.ts";
import { BlockRequest } from "./block-request.ts";

const QUEUE_SIZE = 256;
const STATE_KIND = "virtio-block";
const STATE_VERSION = 1;
/**
 * Requests the back end works on at once. Each may hold one transfer buffer, so this bounds host memory, and those of
 * before a reset count as well: a guest can reset faster than a disk answers.
 */
const MAX_IN_FLIGHT = 64;
/** Segments of data in one request: two requests of this size and their headers fit in the ring. */
const SEG_MAX = QUEUE_SIZE / 2 - 2;

export interface BlockDeviceOptions {
  /** A back end ended a request outside of any call to the device: a host that sleeps with its guest should wake. */
  readonly onCompletion?: () => void;
}

/** A disk. Requests end in the order the back end ends them. */
export class BlockDevice implements VirtioDevice {
  readonly name = "virtio-block";
  readonly deviceType = VirtioDeviceType.Block;
  readonly features: bigint;
  readonly queueMaxSizes: readonly number[] = [QUEUE_SIZE];
  readonly #backend: BlockBackend;
  readonly #config: DataView;
  readonly #onCompletion: (() => void) | undefined;
  #activation: VirtioActivation | undefined;
  #owner: BlockRequestOwner | undefined;
  #idle: BlockRequest[] = [];
  #inFlight = 0;
  #isDraining = false;

  constructor(backend: BlockBackend, options: BlockDeviceOptions = {}) {
    this.#backend = backend;
    this.#onCompletion = options.onCompletion;
    this.features = offeredFeatures(backend);
    this.#config = layOutConfig(backend);
  }

  readConfig(offset: number, size: AccessSize): number {
    return readConfigBytes(this.#config, offset, size);
  }

  writeConfig(): void {}

  activate(activation: VirtioActivation): void {
    this.#activation = activation;
    const owner: BlockRequestOwner = {
      backend: this.#backend,
      complete: (request) => this.#complete(request),
      isCurrent: () => this.#owner === owner,
      drop: () => this.#drop(),
    };
    this.#owner = owner;
    this.#drain();
  }

  notify(): void {
    this.#drain();
  }

  /** Requests the back end still works on lose their owner: their results go nowhere. */
  reset(): void {
    this.#activation = undefined;
    this.#owner = undefined;
    this.#idle = [];
  }

  hasPendingWork(): boolean {
    return this.#inFlight > 0;
  }

  state(): ChipState {
    return { kind: STATE_KIND, version: STATE_VERSION, data: { sizeBytes: this.#backend.sizeBytes } };
  }

  restore(state: ChipState, activation: VirtioActivation | undefined): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    if (fields.integer("sizeBytes", Number.MAX_SAFE_INTEGER) !== this.#backend.sizeBytes)
      throw new HearthError("snapshot.disk", "The saved block device does not fit the disk given to it.");
    this.reset();
    if (activation !== undefined) this.activate(activation);
  }

  /** Starts available requests until there are none or enough are under way. */
  #drain(): void {
    const queue = this.#activation?.queues[0];
    // A back end that ends inside the call comes back here through #complete; the outer loop goes on then.
    if (queue === undefined || this.#isDraining) return;
    this.#isDraining = true;
    try {
      for (let started = 0; started <= queue.size && this.#inFlight < MAX_IN_FLIGHT; started++) {
        const request = this.#idle.pop() ?? new BlockRequest(this.#activation!.memory, this.#owner!);
        if (!queue.pop(request.chain)) {
          this.#idle.push(request);
          break;
        }
        this.#inFlight++;
        request.start();
      }
    } finally {
      this.#isDraining = false;
    }
    this.#signal();
  }

  /** Only of the present owner: requests see to it that those of before a reset stay silent. */
  #complete(request: BlockRequest): void {
    this.#inFlight--;
    this.#activation!.queues[0]!.pushUsed(request.chain.head, request.writtenBytes);
    this.#idle.push(request);
    if (this.#isDraining) return;
    this.#signal();
    this.#drain();
    this.#onCompletion?.();
  }

  /** The back end has let go of a request of before a reset. */
  #drop(): void {
    this.#inFlight--;
    this.#drain();
    this.#onCompletion?.();
  }

  #signal(): void {
    const activation = this.#activation;
    if (activation?.queues[0]!.takeInterruptDecision()) activation.interrupt.signalUsed();
  }
}

function offeredFeatures(backend: BlockBackend): bigint {
  let features = VirtioFeature.Version1 | VirtioFeature.EventIdx | BlockFeature.SegMax | BlockFeature.BlkSize;
  if (backend.isReadOnly) return features | BlockFeature.ReadOnly;
  features |= BlockFeature.Flush | BlockFeature.WriteZeroes;
  return backend.discard === undefined ? features : features | BlockFeature.Discard;
}

function layOutConfig(backend: BlockBackend): DataView {
  const config = new DataView(new ArrayBuffer(BlockConfig.Bytes));
  config.setBigUint64(BlockConfig.Capacity, BigInt(Math.floor(backend.sizeBytes / SECTOR_BYTES)), true);
  config.setUint32(BlockConfig.SegMax, SEG_MAX, true);
  config.setUint32(BlockConfig.BlkSize, SECTOR_BYTES, true);
  if (backend.isReadOnly) return config;
  config.setUint32(BlockConfig.MaxWriteZeroesSectors, MAX_RANGE_SECTORS, true);
  config.setUint32(BlockConfig.MaxWriteZeroesSegments, 1, true);
  if (backend.discard === undefined) return config;
  config.setUint32(BlockConfig.MaxDiscardSectors, MAX_RANGE_SECTORS, true);
  config.setUint32(BlockConfig.MaxDiscardSegments, 1, true);
  config.setUint32(BlockConfig.DiscardSectorAlignment, 8, true);
  return config;
}
