// Stream 0 of a channel: host to guest, under the credit the guest gives (docs/agent-protocol.md, "Credit").

import { FrameType } from "./protocol/frame.ts";
import { malformed } from "./protocol/wire.ts";

/** Largest DATA frame sent: small enough that channels share the connection fairly. */
const CHUNK_BYTES = 32_768;
const MAX_CREDIT_BYTES = 2 ** 32;

type Send = (type: number, stream: number, payload?: Uint8Array) => void;

/** Writes in the order they were asked for, never more than the guest has room for. */
export class InputStream {
  readonly #send: Send;
  #creditBytes: number;
  #isClosed = false;
  #tail: Promise<unknown> = Promise.resolve();
  #wake: (() => void) | undefined;

  constructor(send: Send, windowBytes: number) {
    this.#send = send;
    this.#creditBytes = windowBytes;
  }

  /** Resolves when the guest has been sent all of `bytes`: true, or false if its side has ended before that. */
  write(bytes: Uint8Array): Promise<boolean> {
    const done = this.#tail.then(() => this.#writeAll(bytes));
    this.#tail = done;
    return done;
  }

  /** Ends the stream after what was written. */
  end(): Promise<void> {
    const done = this.#tail.then(() => {
      if (!this.#isClosed) this.#send(FrameType.Eof, 0);
      this.#isClosed = true;
    });
    this.#tail = done;
    return done;
  }

  /** CREDIT arrived. Throws HearthError agent.protocol for credit beyond reason. */
  addCredit(sizeBytes: number): void {
    this.#creditBytes += sizeBytes;
    if (this.#creditBytes > MAX_CREDIT_BYTES) throw malformed("credit beyond 4 GiB");
    this.#notify();
  }

  /** The channel has ended: pending and later writes give false. */
  abandon(): void {
    this.#isClosed = true;
    this.#notify();
  }

  async #writeAll(bytes: Uint8Array): Promise<boolean> {
    let at = 0;
    while (at < bytes.length) {
      if (this.#isClosed) return false;
      const sizeBytes = Math.min(this.#creditBytes, CHUNK_BYTES, bytes.length - at);
      if (sizeBytes === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#creditBytes -= sizeBytes;
      this.#send(FrameType.Data, 0, bytes.subarray(at, at + sizeBytes));
      at += sizeBytes;
    }
    return !this.#isClosed;
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
