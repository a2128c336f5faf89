// The guest's console, which its kernel may have on the serial port (console=ttyS0) or on the virtio console
// (console=hvc0): what both write is one stream, and what is typed goes to the one in use.

import { ConsoleDevice } from "@hearth/machine";
import { TypedInput } from "./typed-input.ts";

/** Output that waits for the runner at which the virtio console is held back: one notification can carry megabytes. */
const HELD_BYTES = 256 * 1024;

/** The serial port as a place for typed keys; it takes none before the guest's driver has started. */
export interface SerialInput {
  readonly isListening: boolean;
  /** Gives how many bytes were taken. */
  offer(bytes: Uint8Array): number;
}

/** One for each machine. Call `attachSerial` once the machine is built. */
export class ConsolePorts {
  /** To be plugged in where wanted, behind the other devices, so that their numbers stay. */
  readonly virtio: ConsoleDevice;
  readonly #input = new TypedInput((bytes) => this.#offer(bytes));
  #serial: SerialInput | undefined;
  #output: Uint8Array[] = [];
  #outputBytes = 0;
  /** The guest has written to the virtio console at all, and it was the last it wrote to. */
  #hasVirtioOutput = false;
  #isVirtioLast = false;

  constructor() {
    this.virtio = new ConsoleDevice((bytes) => {
      this.#hasVirtioOutput = true;
      this.#take(bytes, true);
      if (this.#outputBytes >= HELD_BYTES) this.virtio.holdOutput();
    });
  }

  attachSerial(serial: SerialInput): void {
    this.#serial = serial;
  }

  serialOutput(bytes: Uint8Array): void {
    this.#take(bytes, false);
  }

  /** Typing ahead is possible: keys wait until the guest listens somewhere. */
  type(bytes: Uint8Array): void {
    this.#input.push(bytes);
  }

  /** Moves waiting keys on; true when the guest took any. */
  pumpInput(): boolean {
    return this.#input.pump();
  }

  /** What the guest has written since the last call; undefined when nothing. */
  takeOutput(): Uint8Array | undefined {
    const chunks = this.#output;
    this.#output = [];
    this.#outputBytes = 0;
    this.virtio.resumeOutput();
    return chunks.length > 1 ? Buffer.concat(chunks) : chunks[0];
  }

  #take(bytes: Uint8Array, isVirtio: boolean): void {
    this.#isVirtioLast = isVirtio;
    this.#outputBytes += bytes.length;
    this.#output.push(bytes);
  }

  #offer(bytes: Uint8Array): number {
    const isSerialListening = this.#serial?.isListening === true;
    if (this.#hasVirtioOutput && (this.#isVirtioLast || !isSerialListening)) return this.virtio.write(bytes);
    return isSerialListening ? (this.#serial?.offer(bytes) ?? 0) : 0;
  }
}
