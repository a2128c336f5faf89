// A stand-in for the guest's agent, for tests: an in-memory byte stream whose far end says welcome and then does what a
// script says. Not used by the product.

import type { ByteStream } from "./byte-stream.ts";
import { encodeFrame, type Frame, FrameParser, FrameType } from "./protocol/frame.ts";
import { PayloadReader, PayloadWriter } from "./protocol/wire.ts";

/** Two connected streams. Bytes arrive in a later microtask, as on a real transport. */
export function streamPair(): [ByteStream, ByteStream] {
  const left = new PipeEnd();
  const right = new PipeEnd();
  left.peer = right;
  right.peer = left;
  return [left, right];
}

class PipeEnd implements ByteStream {
  peer: PipeEnd | undefined;
  #data: (bytes: Uint8Array) => void = () => {};
  #closed: (reason?: Error) => void = () => {};
  #isClosed = false;

  write(bytes: Uint8Array): void {
    const copy = bytes.slice();
    queueMicrotask(() => {
      if (!this.#isClosed) this.peer?.receive(copy);
    });
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#data = listener;
  }

  onClose(listener: (reason?: Error) => void): void {
    this.#closed = listener;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    queueMicrotask(() => {
      this.#closed();
      this.peer?.close();
    });
  }

  receive(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#data(bytes);
  }
}

/** What a script may send back. */
export type Reply = (channel: number, type: number, stream?: number, payload?: Uint8Array) => void;

/** The welcome of an agent with the given window and channel limit. */
export function encodeWelcome(windowBytes = 65_536, maxChannels = 64, version = 1): Uint8Array {
  const payload = new PayloadWriter().u16(version).u16(0).u32(windowBytes).u32(maxChannels);
  payload.text("guest").text("6.1.0").text("hearth-init 1");
  return encodeFrame(0, FrameType.Welcome, 0, payload.finish());
}

/** The payload of an END frame. */
export function encodeEnd(
  kind: number,
  value: number,
  stage = 0,
  rest: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const bytes = new Uint8Array(8 + rest.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setUint8(1, stage);
  view.setInt32(4, value, true);
  bytes.set(rest, 8);
  return bytes;
}

/** The program and arguments of an EXEC request. */
export function decodeArgv(payload: Uint8Array): string[] {
  const reader = new PayloadReader(payload);
  reader.u32();
  reader.u32();
  reader.text();
  reader.text();
  return Array.from({ length: reader.u32() }, () => reader.text());
}

/** Connects a scripted agent: `script` gets every frame after the hello. Gives the host's end of the stream. */
export function fakeAgent(
  script: (frame: Frame, reply: Reply) => void,
  welcome = encodeWelcome(),
): ByteStream {
  const [host, guest] = streamPair();
  const parser = new FrameParser();
  const reply: Reply = (channel, type, stream = 0, payload = new Uint8Array(0)) =>
    guest.write(encodeFrame(channel, type, stream, payload));
  guest.onData((bytes) => {
    for (const frame of parser.push(bytes)) {
      if (frame.type === FrameType.Hello) guest.write(welcome);
      else script(frame, reply);
    }
  });
  return host;
}
