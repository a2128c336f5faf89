// Streams 1 and 2 of a channel: guest to host. Checks that the guest keeps to the credit it was given, and returns
// credit in lumps as the reader takes bytes (docs/agent-protocol.md, "Credit").

import { ByteQueue } from "./byte-queue.ts";
import { FrameType } from "./protocol/frame.ts";
import { malformed, PayloadWriter } from "./protocol/wire.ts";

/** Room given to each stream of the guest. */
export const WINDOW_BYTES = 262_144;
const CREDIT_LUMP_BYTES = WINDOW_BYTES / 4;

type Send = (type: number, stream: number, payload?: Uint8Array) => void;

/** One readable stream; iterate `queue`. */
export class OutputStream {
  readonly queue: ByteQueue;
  readonly #send: Send;
  readonly #stream: number;
  #creditBytes = WINDOW_BYTES;
  #owedBytes = 0;

  constructor(send: Send, stream: number) {
    this.#send = send;
    this.#stream = stream;
    this.queue = new ByteQueue((sizeBytes) => this.#taken(sizeBytes));
  }

  /** DATA arrived. Throws HearthError agent.protocol where the guest may not send it. */
  data(payload: Uint8Array): void {
    if (this.queue.isEnded) throw malformed(`data after the end of stream ${this.#stream}`);
    if (payload.length === 0) throw malformed("an empty data frame");
    if (payload.length > this.#creditBytes) throw malformed("more data than it had credit for");
    this.#creditBytes -= payload.length;
    this.queue.push(payload);
  }

  /** EOF arrived. */
  eof(): void {
    if (this.queue.isEnded) throw malformed(`a second end of stream ${this.#stream}`);
    this.queue.end();
  }

  #taken(sizeBytes: number): void {
    this.#owedBytes += sizeBytes;
    if (this.queue.isEnded || this.#owedBytes < CREDIT_LUMP_BYTES) return;
    this.#creditBytes += this.#owedBytes;
    this.#send(FrameType.Credit, this.#stream, new PayloadWriter().u32(this.#owedBytes).finish());
    this.#owedBytes = 0;
  }
}
