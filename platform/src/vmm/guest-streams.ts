// The main thread's half of streams into the guest: each a ByteStream whose bytes travel as messages to the runner,
// which holds the vsock connection.

import type { ByteStream } from "@hearth/host";
import { HearthError } from "@hearth/machine/errors";
import type { FromRunner, ToRunner } from "./messages.ts";

type StreamMessage = Extract<FromRunner, { readonly id: number }>;

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
    const reason = await stream.opened;
    if (reason === undefined) return stream;
    throw new HearthError(
      "vsock.refused",
      `The guest accepts no connection to its vsock port ${port} (${reason}).`,
    );
  }

  receive(message: StreamMessage): void {
    const stream = this.#streams.get(message.id);
    if (message.kind === "closed") this.#streams.delete(message.id);
    stream?.receive(message);
  }

  /** The machine has ended with `error`: everything closes. */
  closeAll(error: HearthError): void {
    for (const stream of this.#streams.values()) stream.end(error.message, error);
    this.#streams.clear();
  }
}

class GuestStream implements ByteStream {
  /** Undefined once connected; the reason when refused. */
  readonly opened: Promise<string | undefined>;
  readonly #openedSettled = Promise.withResolvers<string | undefined>();
  readonly #id: number;
  readonly #post: (message: ToRunner) => void;
  #data: (bytes: Uint8Array) => void = () => {};
  #closed: (reason?: Error) => void = () => {};
  #isClosed = false;

  constructor(id: number, post: (message: ToRunner) => void) {
    this.#id = id;
    this.#post = post;
    this.opened = this.#openedSettled.promise;
  }

  write(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#post({ kind: "data", id: this.#id, bytes });
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#data = listener;
  }

  onClose(listener: (reason?: Error) => void): void {
    this.#closed = listener;
  }

  close(): void {
    if (!this.#isClosed) this.#post({ kind: "close", id: this.#id });
  }

  receive(message: StreamMessage): void {
    switch (message.kind) {
      case "connected":
        this.#openedSettled.resolve(undefined);
        return;
      case "data":
        // The protocol above has its own windows, so what it was given counts as consumed.
        this.#data(message.bytes);
        this.#post({ kind: "taken", id: this.#id, sizeBytes: message.bytes.length });
        return;
      case "closed":
        this.end(message.reason, undefined);
        return;
    }
  }

  /** `cause` is told to whoever listens; without it the other side simply closed. */
  end(reason: string, cause: HearthError | undefined): void {
    this.#isClosed = true;
    this.#openedSettled.resolve(reason);
    this.#closed(cause);
  }
}
