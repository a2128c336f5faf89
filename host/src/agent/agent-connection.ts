// One connection to the guest's agent: the opening, then frames to and from channels. Whatever the guest sends, every
// caller gets an answer: the guest's, or the error the connection ended with.

import { HearthError } from "@hearth/machine/errors";
import type { ByteStream } from "./byte-stream.ts";
import { Channel } from "./channel.ts";
import { encodeFrame, type Frame, FrameParser, FrameType, MAX_PAYLOAD_BYTES } from "./protocol/frame.ts";
import { decodeRefuse, decodeWelcome, encodeHello, type Welcome } from "./protocol/hello.ts";
import { WINDOW_BYTES } from "./output-stream.ts";
import { malformed } from "./protocol/wire.ts";

/** The negotiated connection. Create with `open`. */
export class AgentConnection {
  /** Resolves when the connection has ended, with the reason; undefined after our own `close`. Never rejects. */
  readonly closed: Promise<HearthError | undefined>;
  readonly #stream: ByteStream;
  readonly #parser = new FrameParser();
  readonly #channels = new Map<number, Channel>();
  readonly #closedSettled = Promise.withResolvers<HearthError | undefined>();
  readonly #welcomeSettled = Promise.withResolvers<Welcome>();
  #welcome: Welcome | undefined;
  #isClosed = false;
  #failure: HearthError | undefined;
  #lastChannel = 0;

  private constructor(stream: ByteStream) {
    this.#stream = stream;
    this.closed = this.#closedSettled.promise;
    this.#welcomeSettled.promise.catch(() => {});
    stream.onData((bytes) => this.#receive(bytes));
    stream.onClose((reason) => this.#lost(reason));
  }

  /**
   * Says hello over a connected `stream` and waits for the welcome. Throws HearthError agent.timeout, agent.version,
   * agent.refused, agent.protocol or agent.disconnected, and closes the stream then.
   */
  static async open(stream: ByteStream, timeoutMs: number): Promise<AgentConnection> {
    const connection = new AgentConnection(stream);
    const timer = setTimeout(
      () =>
        connection.#fail(
          new HearthError("agent.timeout", `The guest's agent gave no answer in ${timeoutMs} ms.`),
        ),
      timeoutMs,
    );
    try {
      stream.write(encodeHello(WINDOW_BYTES));
      await connection.#welcomeSettled.promise;
      return connection;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What the agent said about itself. */
  get welcome(): Welcome {
    if (this.#welcome === undefined) throw new Error("the connection is not open yet");
    return this.#welcome;
  }

  /** Starts a request. Throws HearthError agent.busy, agent.request-too-long, or why the connection has ended. */
  request(type: number, payload: Uint8Array): Channel {
    if (this.#isClosed)
      throw (
        this.#failure ??
        new HearthError("agent.disconnected", "The connection to the guest's agent is closed.")
      );
    if (payload.length > MAX_PAYLOAD_BYTES)
      throw new HearthError(
        "agent.request-too-long",
        `The request has ${payload.length} bytes of arguments and environment; ${MAX_PAYLOAD_BYTES} are possible.`,
      );
    if (this.#channels.size >= this.welcome.maxChannels)
      throw new HearthError(
        "agent.busy",
        `${this.#channels.size} requests are under way, which is the most possible.`,
      );
    const id = this.#nextChannel();
    const channel = new Channel(id, (...frame) => this.#send(...frame), this.welcome.windowBytes);
    this.#channels.set(id, channel);
    this.#send(id, type, 0, payload);
    return channel;
  }

  /** Ends the connection; requests under way fail with agent.disconnected. */
  close(): void {
    this.#shut(
      undefined,
      new HearthError("agent.disconnected", "The connection to the guest's agent was closed."),
    );
  }

  #send(channel: number, type: number, stream: number, payload?: Uint8Array): void {
    this.#stream.write(encodeFrame(channel, type, stream, payload));
  }

  #nextChannel(): number {
    do {
      this.#lastChannel = this.#lastChannel === 0xffff_ffff ? 1 : this.#lastChannel + 1;
    } while (this.#channels.has(this.#lastChannel));
    return this.#lastChannel;
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    try {
      for (const frame of this.#parser.push(bytes)) this.#dispatch(frame);
    } catch (error) {
      if (!(error instanceof HearthError)) throw error;
      this.#fail(error);
    }
  }

  #dispatch(frame: Frame): void {
    if (this.#welcome === undefined) {
      this.#welcome = decodeWelcome(frame);
      this.#welcomeSettled.resolve(this.#welcome);
      return;
    }
    if (frame.type === FrameType.Refuse) throw decodeRefuse(frame);
    const channel = this.#channels.get(frame.channel);
    if (channel === undefined) throw malformed(`a frame for channel ${frame.channel}, which is not open`);
    if (channel.receive(frame)) this.#channels.delete(frame.channel);
  }

  /** A transport that knows better than "closed" why it ended says so with a HearthError. */
  #lost(reason: Error | undefined): void {
    if (reason instanceof HearthError) return this.#fail(reason);
    const where = this.#parser.isAtBoundary() ? "" : " in the middle of a frame";
    this.#fail(
      new HearthError("agent.disconnected", `The guest's agent closed the connection${where}.`, {
        cause: reason,
      }),
    );
  }

  #fail(error: HearthError): void {
    this.#shut(error, error);
  }

  #shut(reason: HearthError | undefined, error: HearthError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#failure = error;
    this.#stream.close();
    this.#welcomeSettled.reject(error);
    for (const channel of this.#channels.values()) channel.fail(error);
    this.#channels.clear();
    this.#closedSettled.resolve(reason);
  }
}
