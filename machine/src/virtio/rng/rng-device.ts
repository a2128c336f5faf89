// virtio entropy device (virtio 1.2 §5.4): fills what the driver offers from a source handed in, at most 64 KiB a
// request (Firecracker's limit), so that no guest can have the host compute gigabytes of randomness at once.

import { type ChipState, openState } from "../../snapshot/chip-state.ts";
import type { VirtioActivation, VirtioDevice } from "../device.ts";
import { VirtioDeviceType, VirtioFeature } from "../device.ts";
import { DescriptorChain } from "../queue/descriptor-chain.ts";

/** Fills all of `target` with unpredictable bytes. */
export type RandomSource = (target: Uint8Array) => void;

const QUEUE_SIZE = 256;
const STATE_KIND = "virtio-rng";
const STATE_VERSION = 1;
/** Largest number of bytes given for one request. */
export const MAX_RANDOM_BYTES = 64 * 1024;

/** Entropy for the guest. */
export class RngDevice implements VirtioDevice {
  readonly name = "virtio-rng";
  readonly deviceType = VirtioDeviceType.Entropy;
  readonly features = VirtioFeature.Version1 | VirtioFeature.EventIdx;
  readonly queueMaxSizes: readonly number[] = [QUEUE_SIZE];
  readonly #fillRandom: RandomSource;
  readonly #buffer = new Uint8Array(MAX_RANDOM_BYTES);
  #activation: VirtioActivation | undefined;
  #chain: DescriptorChain | undefined;

  constructor(fillRandom: RandomSource) {
    this.#fillRandom = fillRandom;
  }

  readConfig(): number {
    return 0;
  }

  writeConfig(): void {}

  activate(activation: VirtioActivation): void {
    this.#activation = activation;
    this.#chain = new DescriptorChain(activation.memory);
    this.notify();
  }

  notify(): void {
    const queue = this.#activation?.queues[0];
    const chain = this.#chain;
    if (queue === undefined || chain === undefined) return;
    for (let served = 0; served <= queue.size && queue.pop(chain); served++) {
      queue.pushUsed(chain.head, this.#serve(chain));
    }
    if (queue.takeInterruptDecision()) this.#activation!.interrupt.signalUsed();
  }

  reset(): void {
    this.#activation = undefined;
    this.#chain = undefined;
  }

  hasPendingWork(): boolean {
    return false;
  }

  state(): ChipState {
    return { kind: STATE_KIND, version: STATE_VERSION, data: {} };
  }

  restore(state: ChipState, activation: VirtioActivation | undefined): void {
    openState(state, STATE_KIND, STATE_VERSION);
    this.reset();
    if (activation !== undefined) this.activate(activation);
  }

  #serve(chain: DescriptorChain): number {
    const bytes = this.#buffer.subarray(0, Math.min(chain.writableBytes, MAX_RANDOM_BYTES));
    this.#fillRandom(bytes);
    const written = chain.write(0, bytes);
    // The same bytes must never be seen twice.
    bytes.fill(0);
    return written;
  }
}
