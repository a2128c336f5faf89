// The agent's protocol without manners: bytes as a test wants them, and whatever frames come back.

import type { Socket } from "node:net";

/** A frame from the agent. */
export interface RawFrame {
  readonly channel: number;
  readonly type: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** One frame; `length` lies about the payload's size if given. */
export function frame(
  type: number,
  channel: number,
  payload: Uint8Array = Buffer.alloc(0),
  { stream = 0, reserved = 0, length = payload.length } = {},
): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(length, 0);
  header.writeUInt32LE(channel, 4);
  header.writeUInt8(type, 8);
  header.writeUInt8(stream, 9);
  header.writeUInt16LE(reserved, 10);
  return Buffer.concat([header, payload]);
}

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeUInt32LE(value >>> 0, 4 * i));
  return bytes;
}

export function str(text: string): Buffer {
  return Buffer.concat([u32(Buffer.byteLength(text)), Buffer.from(text)]);
}

export function hello({ magic = 0x48545248, lowest = 1, highest = 1, window = 65536 } = {}): Buffer {
  return frame(0x01, 0, Buffer.concat([u32(magic), u32((highest << 16) | lowest), u32(window)]));
}

export function exec(channel: number, argv: readonly string[], flags = 0): Buffer {
  const list = [u32(argv.length), ...argv.map(str)];
  return frame(0x20, channel, Buffer.concat([u32(flags), u32(0), str(""), str(""), ...list, u32(0)]));
}

/** Collects what the agent sends. */
export class RawClient {
  readonly socket: Socket;
  readonly frames: RawFrame[] = [];
  isClosed = false;
  #bytes: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The first frame that `wanted` accepts; undefined if the connection closes before. */
  async find(wanted: (frame: RawFrame) => boolean): Promise<RawFrame | undefined> {
    for (;;) {
      const found = this.frames.find(wanted);
      if (found || this.isClosed) return found;
      await this.#change();
    }
  }

  ofType(type: number): Promise<RawFrame | undefined> {
    return this.find((frame) => frame.type === type);
  }

  /** Reason of the refusal the connection ends with. */
  async refusal(): Promise<number | undefined> {
    while (!this.isClosed) await this.#change();
    return this.frames.find((frame) => frame.type === 0x03)?.payload.readUInt32LE(0);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 12) {
      const end = 12 + this.#bytes.readUInt32LE(0);
      if (this.#bytes.length < end) break;
      const [channel, type, stream] = [
        this.#bytes.readUInt32LE(4),
        this.#bytes.readUInt8(8),
        this.#bytes.readUInt8(9),
      ];
      this.frames.push({ channel, type, stream, payload: this.#bytes.subarray(12, end) });
      this.#bytes = this.#bytes.subarray(end);
    }
    this.#wake();
  }
}
