// The runner's half of streams between the main thread and the guest: vsock connections on one side, messages on the
// other. A reader on the main thread that falls behind pauses its own connection, nothing else.

import type { VsockDevice, VsockStream } from "@hearth/machine";
import type { FromRunner } from "./messages.ts";

/** Bytes of one stream under way to the main thread at which its connection is paused. */
const HIGH_BYTES = 512 * 1024;

interface BridgedStream {
  readonly stream: VsockStream;
  unconsumedBytes: number;
  isPaused: boolean;
}

/** One for each machine. */
export class VsockBridge {
  readonly #device: Pick<VsockDevice, "connect" | "listen">;
  readonly #post: (message: FromRunner, transfer?: ArrayBuffer) => void;
  readonly #streams = new Map<number, BridgedStream>();

  constructor(
    device: Pick<VsockDevice, "connect" | "listen">,
    post: (message: FromRunner, transfer?: ArrayBuffer) => void,
  ) {
    this.#device = device;
    this.#post = post;
  }

  /** Tells the main thread when the guest touches `port`. */
  announceReadiness(port: number): void {
    this.#device.listen(port, (stream) => {
      stream.destroy();
      this.#post({ kind: "agent-ready" });
    });
  }

  /** Opens stream `id` to `port` in the guest; "connected" or "closed" follows. */
  connect(id: number, port: number): void {
    const bridged: BridgedStream = {
      stream: this.#device.connect(port),
      unconsumedBytes: 0,
      isPaused: false,
    };
    this.#streams.set(id, bridged);
    bridged.stream.handlers = {
      open: () => this.#post({ kind: "connected", id }),
      data: (chunk) => this.#forward(id, bridged, chunk),
      end: () => bridged.stream.end(),
      close: (reason) => {
        this.#streams.delete(id);
        this.#post({ kind: "closed", id, reason });
      },
    };
  }

  data(id: number, bytes: Uint8Array): void {
    this.#streams.get(id)?.stream.write(bytes);
  }

  taken(id: number, sizeBytes: number): void {
    const bridged = this.#streams.get(id);
    if (bridged === undefined) return;
    bridged.unconsumedBytes -= sizeBytes;
    if (!bridged.isPaused || bridged.unconsumedBytes > HIGH_BYTES / 2) return;
    bridged.isPaused = false;
    bridged.stream.resume();
  }

  close(id: number): void {
    this.#streams.get(id)?.stream.destroy();
  }

  #forward(id: number, bridged: BridgedStream, chunk: Uint8Array): void {
    bridged.unconsumedBytes += chunk.length;
    // A copy of its own: what the device hands over may be part of something larger, which must not be transferred.
    const bytes = chunk.slice();
    this.#post({ kind: "data", id, bytes }, bytes.buffer);
    if (bridged.isPaused || bridged.unconsumedBytes < HIGH_BYTES) return;
    bridged.isPaused = true;
    bridged.stream.pause();
  }
}
