// virtio console device (virtio 1.2 §5.3) with one port and no control queues. Input waits in a bounded buffer until
// the driver offers room; output goes to a sink at once, or stays in the ring while the host holds it. Offers SIZE, so that a guest's terminal can follow the host's.

import type { AccessSize } from "../../cpu/vcpu.ts";
import { type ChipState, openState } from "../../snapshot/chip-state.ts";
import { readConfigBytes } from "../config-space.ts";
import type { VirtioActivation, VirtioDevice } from "../device.ts";
import { VirtioDeviceType, VirtioFeature } from "../device.ts";
import { DescriptorChain } from "../queue/descriptor-chain.ts";

const QUEUE_SIZE = 64;
const STATE_KIND = "virtio-console";
const STATE_VERSION = 1;
const RECEIVE_QUEUE = 0;
const TRANSMIT_QUEUE = 1;
const FEATURE_SIZE = 1n << 0n;
/** cols u16, rows u16, max_nr_ports u32, emerg_wr u32. */
const CONFIG_BYTES = 12;
/** Output of one buffer is handed over in pieces of at most this size. */
const MAX_OUTPUT_BYTES = 64 * 1024;
/** One buffer of output beyond this is cut: a guest gains nothing by it, and the host does not stall. */
const MAX_BUFFER_BYTES = 1024 * 1024;
/** Input kept for a guest that does not read. */
export const MAX_CONSOLE_INPUT_BYTES = 64 * 1024;

/** Takes what the guest writes; the chunk belongs to the callee. */
export type ConsoleSink = (chunk: Uint8Array) => void;

/** A terminal line to the guest. */
export class ConsoleDevice implements VirtioDevice {
  readonly name = "virtio-console";
  readonly deviceType = VirtioDeviceType.Console;
  readonly features = VirtioFeature.Version1 | VirtioFeature.EventIdx | FEATURE_SIZE;
  readonly queueMaxSizes: readonly number[] = [QUEUE_SIZE, QUEUE_SIZE];
  readonly #sink: ConsoleSink;
  readonly #config = new DataView(new ArrayBuffer(CONFIG_BYTES));
  #input: Uint8Array = new Uint8Array(0);
  #isOutputHeld = false;
  #activation: VirtioActivation | undefined;
  /** One for each queue: a sink may give input while output is being taken. */
  #chains: readonly DescriptorChain[] = [];

  constructor(sink: ConsoleSink, size: { columns: number; rows: number } = { columns: 80, rows: 25 }) {
    this.#sink = sink;
    this.#setSize(size.columns, size.rows);
  }

  /** Gives the guest input; returns how many bytes were taken. The rest is to be offered again later. */
  write(data: Uint8Array): number {
    const taken = data.subarray(0, MAX_CONSOLE_INPUT_BYTES - this.#input.length);
    const joined = new Uint8Array(this.#input.length + taken.length);
    joined.set(this.#input);
    joined.set(taken, this.#input.length);
    this.#input = joined;
    this.#pump(RECEIVE_QUEUE);
    return taken.length;
  }

  /** Leaves output in the ring from now on: for a host that has no room. May be called by the sink. */
  holdOutput(): void {
    this.#isOutputHeld = true;
  }

  /** Takes what was held back and goes on. */
  resumeOutput(): void {
    if (!this.#isOutputHeld) return;
    this.#isOutputHeld = false;
    this.#pump(TRANSMIT_QUEUE);
  }

  /** Tells the guest that the terminal has another size now. */
  resize(columns: number, rows: number): void {
    this.#setSize(columns, rows);
    this.#activation?.interrupt.signalConfigChange();
  }

  readConfig(offset: number, size: AccessSize): number {
    return readConfigBytes(this.#config, offset, size);
  }

  writeConfig(): void {}

  activate(activation: VirtioActivation): void {
    this.#activation = activation;
    this.#chains = this.queueMaxSizes.map(() => new DescriptorChain(activation.memory));
    this.#pump(RECEIVE_QUEUE);
    this.#pump(TRANSMIT_QUEUE);
  }

  notify(queueIndex: number): void {
    this.#pump(queueIndex);
  }

  reset(): void {
    this.#activation = undefined;
  }

  hasPendingWork(): boolean {
    return false;
  }

  state(): ChipState {
    return { kind: STATE_KIND, version: STATE_VERSION, data: { input: this.#input.slice() } };
  }

  restore(state: ChipState, activation: VirtioActivation | undefined): void {
    const input = openState(state, STATE_KIND, STATE_VERSION).bytes("input", MAX_CONSOLE_INPUT_BYTES);
    this.reset();
    this.#input = input;
    if (activation !== undefined) this.activate(activation);
  }

  #setSize(columns: number, rows: number): void {
    this.#config.setUint16(0, columns, true);
    this.#config.setUint16(2, rows, true);
    this.#config.setUint32(4, 1, true);
  }

  #pump(queueIndex: number): void {
    const activation = this.#activation;
    if (activation === undefined) return;
    const queue = activation.queues[queueIndex]!;
    const chain = this.#chains[queueIndex]!;
    for (let served = 0; served <= queue.size; served++) {
      if (queueIndex === RECEIVE_QUEUE ? this.#input.length === 0 : this.#isOutputHeld) break;
      if (!queue.pop(chain)) break;
      queue.pushUsed(chain.head, queueIndex === RECEIVE_QUEUE ? this.#give(chain) : this.#take(chain));
    }
    if (queue.takeInterruptDecision()) activation.interrupt.signalUsed();
  }

  #give(chain: DescriptorChain): number {
    const written = chain.write(0, this.#input);
    this.#input = this.#input.subarray(written);
    return written;
  }

  #take(chain: DescriptorChain): number {
    const sizeBytes = Math.min(chain.readableBytes, MAX_BUFFER_BYTES);
    for (let position = 0; position < sizeBytes; position += MAX_OUTPUT_BYTES) {
      const chunk = new Uint8Array(Math.min(sizeBytes - position, MAX_OUTPUT_BYTES));
      chain.read(position, chunk);
      this.#sink(chunk);
    }
    return 0;
  }
}
