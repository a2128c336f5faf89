// One channel: a request under way, its three streams and its end (docs/agent-protocol.md, "Channels").

import { type End, decodeEnd } from "./protocol/end.ts";
import { type Frame, FrameType } from "./protocol/frame.ts";
import { InputStream } from "./input-stream.ts";
import { OutputStream } from "./output-stream.ts";
import { malformed, PayloadReader, PayloadWriter } from "./protocol/wire.ts";

type SendFrame = (channel: number, type: number, stream: number, payload?: Uint8Array) => void;

/** Owned by its connection, which feeds it frames; used by one caller. */
export class Channel {
  readonly id: number;
  readonly input: InputStream;
  readonly output: OutputStream;
  readonly errors: OutputStream;
  /** The program's process id; for an exec only. Rejects when the channel ends without it or the connection is lost. */
  readonly started: Promise<number>;
  /** Rejects when the connection is lost first. */
  readonly ended: Promise<End>;
  readonly #send: SendFrame;
  readonly #startedSettled = Promise.withResolvers<number>();
  readonly #endedSettled = Promise.withResolvers<End>();
  #isOpen = true;

  constructor(id: number, send: SendFrame, windowBytes: number) {
    this.id = id;
    this.#send = send;
    const sendOnThis = (type: number, stream: number, payload?: Uint8Array) =>
      this.#sendIfOpen(type, stream, payload);
    this.input = new InputStream(sendOnThis, windowBytes);
    this.output = new OutputStream(sendOnThis, 1);
    this.errors = new OutputStream(sendOnThis, 2);
    this.started = this.#startedSettled.promise;
    this.ended = this.#endedSettled.promise;
    // Not every caller waits for both.
    this.started.catch(() => {});
    this.ended.catch(() => {});
  }

  /** A Linux signal number for the program's process group. */
  signal(number: number): void {
    this.#sendIfOpen(FrameType.Signal, 0, new PayloadWriter().u32(number).finish());
  }

  resize(rows: number, columns: number): void {
    this.#sendIfOpen(FrameType.Resize, 0, new PayloadWriter().u16(rows).u16(columns).finish());
  }

  /** Gives the request up; `ended` follows. */
  cancel(): void {
    this.#sendIfOpen(FrameType.Cancel, 0);
  }

  /** A frame of this channel arrived; true when it was the last. Throws HearthError agent.protocol. */
  receive(frame: Frame): boolean {
    switch (frame.type) {
      case FrameType.Data:
        this.#stream(frame.stream).data(frame.payload);
        return false;
      case FrameType.Eof:
        this.#stream(frame.stream).eof();
        return false;
      case FrameType.Credit:
        if (frame.stream !== 0) throw malformed(`credit for stream ${frame.stream}`);
        this.input.addCredit(new PayloadReader(frame.payload).u32());
        return false;
      case FrameType.Started:
        this.#startedSettled.resolve(new PayloadReader(frame.payload).u32());
        return false;
      case FrameType.End:
        this.#end(decodeEnd(frame.payload));
        return true;
      default:
        throw malformed(`a frame of type 0x${frame.type.toString(16)}`);
    }
  }

  /** The connection is gone. */
  fail(error: Error): void {
    this.#isOpen = false;
    this.input.abandon();
    this.output.queue.end(error);
    this.errors.queue.end(error);
    this.#startedSettled.reject(error);
    this.#endedSettled.reject(error);
  }

  #end(end: End): void {
    this.#isOpen = false;
    this.input.abandon();
    this.output.queue.end();
    this.errors.queue.end();
    this.#endedSettled.resolve(end);
    this.#startedSettled.reject(new Error("the channel ended before its program started"));
  }

  #stream(number: number): OutputStream {
    if (number === 1) return this.output;
    if (number === 2) return this.errors;
    throw malformed(`data on stream ${number}`);
  }

  #sendIfOpen(type: number, stream: number, payload?: Uint8Array): void {
    if (this.#isOpen) this.#send(this.id, type, stream, payload);
  }
}
