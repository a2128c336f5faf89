// COM1: a UART on ports 0x3f8 to 0x3ff and GSI 4, with its output gathered into chunks for the sink.

import type { AddressSpace } from "../../bus/address-space.ts";
import { onByteRegisters } from "../../bus/register-map.ts";
import type { InterruptLine } from "../../interrupts/interrupt-line.ts";
import { Uart16550 } from "./uart16550.ts";

export const COM1_PORT = 0x3f8;
export const COM1_GSI = 4;
export const COM1_PORT_COUNT = 8;
const CHUNK_BYTES = 4096;

/** Gets output in order; the bytes are its own to keep. */
export type SerialSink = (bytes: Uint8Array) => void;

export class SerialPort {
  readonly uart: Uart16550;
  readonly #sink: SerialSink;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  #chunkLength = 0;

  constructor(interrupt: InterruptLine, sink: SerialSink) {
    this.#sink = sink;
    this.uart = new Uart16550({ interrupt, onTransmit: (byte) => this.#append(byte) });
  }

  attach(ports: AddressSpace): void {
    ports.register(COM1_PORT, COM1_PORT_COUNT, onByteRegisters(this.uart));
  }

  /** Hands gathered output to the sink. The machine calls it at the end of each slice. */
  flush(): void {
    if (this.#chunkLength === 0) return;
    const bytes = this.#chunk.slice(0, this.#chunkLength);
    this.#chunkLength = 0;
    this.#sink(bytes);
  }

  #append(byte: number): void {
    this.#chunk[this.#chunkLength++] = byte;
    if (this.#chunkLength === CHUNK_BYTES) this.flush();
  }
}
