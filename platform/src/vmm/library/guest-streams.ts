// The main thread's half of streams into the guest: each a ByteStream whose bytes travel as messages to the runner,
// which holds the vsock connection.

import type { ByteStream } from "@hearth/host";
import { HearthError } from "@hearth/machine/errors";
import type { FromRunner, ToRunner } from "../runner/messages.ts";

type StreamMessage = Extract<FromRunner, { readonly id: number }>;
type OpenStreamMessage = Exclude<StreamMessage, { readonly kind: "closed" }>;

/**
 * A guest on its way down closes its connections first. The loss of one is told this much later, so that it can be told
 * as the end of the machine if that is what follows.
 */
const END_GRACE_MS = 3000;

/** Why a stream is no more; `cause` is the machine's end, if it was that. */
interface StreamEnd {
  readonly reason: string;
  readonly cause: HearthError | undefined;
}

/** All streams of one machine. */
export class GuestStreams {
  readonly #post: (message: ToRunner) => void;
  readonly #streams = new Map<number, GuestStream>();
  #lastId = 0;

  constructor(post: (message: ToRunner) => void) {
    this.#post = post;
  }

  /** Connects to vsock `port` in the guest. Throws HearthError vsock.refused when nothing listens there. */
  async connect(port: number): Promise<ByteStream> {
    const id = ++this.#lastId;
    const stream = new GuestStream(id, this.#post);
    this.#streams.set(id, stream);
    this.#post({ kind: "connect", id, port });
    const refusal = await stream.opened;
    if (refusal === undefined) return stream;
    if (refusal.cause !== undefined) throw refusal.cause;
    const message = `The guest accepts no connection to its vsock port ${port} (${refusal.reason}).`;
    throw new HearthError("vsock.refused", message);
  }

  receive(message: StreamMessage): void {
    const stream = this.#streams.get(message.id);
    if (stream === undefined) return;
    if (message.kind !== "closed") stream.receive(message);
    else if (stream.isOpen) setTimeout(() => this.#close(stream, message.reason), END_GRACE_MS).unref();
    else this.#close(stream, message.reason);
  }

  #close(stream: GuestStream, reason: string): void {
    this.#streams.delete(stream.id);
    stream.end({ reason, cause: undefined });
  }

  /** The machine has ended with `error`: everything closes. */
  closeAll(error: HearthError): void {
    for (const stream of this.#streams.values()) stream.end({ reason: error.message, cause: error });
    this.#streams.clear();
  }
}

class GuestStream implements ByteStream {
  readonly id: number;
  /** Undefined once connected; why not when refused. */
  readonly opened: Promise<StreamEnd | undefined>;
  isOpen = false;
  readonly #openedSettled = Promise.withResolvers<StreamEnd | undefined>();
  readonly #post: (message: ToRunner) => void;
  #data: (bytes: Uint8Array) => void = () => {};
  #closed: (reason?: Error) => void = () => {};
  #isClosed = false;

  constructor(id: number, post: (message: ToRunner) => void) {
    this.id = id;
    this.#post = post;
    this.opened = this.#openedSettled.promise;
  }

  write(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#post({ kind: "data", id: this.id, bytes });
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#data = listener;
  }

  onClose(listener: (reason?: Error) => void): void {
    this.#closed = listener;
  }

  close(): void {
    if (!this.#isClosed) this.#post({ kind: "close", id: this.id });
  }

  receive(message: OpenStreamMessage): void {
    switch (message.kind) {
      case "connected":
        this.isOpen = true;
        this.#openedSettled.resolve(undefined);
        return;
      case "data":
        // The protocol above has its own windows, so what it was given counts as consumed.
        this.#data(message.bytes);
        this.#post({ kind: "taken", id: this.id, sizeBytes: message.bytes.length });
        return;
    }
  }

  end(end: StreamEnd): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#openedSettled.resolve(end);
    this.#closed(end.cause);
  }
}
