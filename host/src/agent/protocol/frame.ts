// Frames of the agent's protocol (docs/agent-protocol.md, "Frames"): a 12-byte header and up to 64 KiB of payload.
//
//  0        4        8    9    10   12
//  ┌────────┬────────┬────┬────┬────┬─────────┐
//  │ length │channel │type│strm│ 0  │ payload │
//  └────────┴────────┴────┴────┴────┴─────────┘

import { malformed } from "./wire.ts";

export const HEADER_BYTES = 12;
export const MAX_PAYLOAD_BYTES = 65_536;

/** Frame types; requests open the channel they name. */
export const FrameType = {
  Hello: 0x01,
  Welcome: 0x02,
  Refuse: 0x03,
  Data: 0x10,
  Eof: 0x11,
  Credit: 0x12,
  Signal: 0x13,
  Resize: 0x14,
  Cancel: 0x15,
  Started: 0x16,
  End: 0x17,
  Exec: 0x20,
  Read: 0x21,
  Write: 0x22,
  Stat: 0x23,
  List: 0x24,
  MakeDirectory: 0x25,
  Remove: 0x26,
  Rename: 0x27,
  Symlink: 0x28,
  Change: 0x29,
  Ping: 0x30,
  Clock: 0x31,
  Sync: 0x32,
  Shutdown: 0x33,
  Identity: 0x34,
} as const;

export interface Frame {
  readonly channel: number;
  readonly type: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

const EMPTY = new Uint8Array(0);

/** One frame as bytes. `payload` may have at most MAX_PAYLOAD_BYTES. */
export function encodeFrame(
  channel: number,
  type: number,
  stream = 0,
  payload: Uint8Array = EMPTY,
): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, channel, true);
  view.setUint8(8, type);
  view.setUint8(9, stream);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Cuts a byte stream into frames, however the stream is cut into chunks. Holds at most one frame. */
export class FrameParser {
  /** A frame of which only the first `#filled` bytes have arrived: its header, or the whole once its length is known. */
  #partial: Uint8Array = new Uint8Array(HEADER_BYTES);
  #filled = 0;

  /** The frames completed by `bytes`. Throws HearthError agent.protocol for a header that cannot be. */
  push(bytes: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (at < bytes.length) {
      const end = this.#filled === 0 ? wholeFrameEnd(bytes, at) : -1;
      if (end >= 0) {
        frames.push(frameIn(bytes.subarray(at, end)));
        at = end;
        continue;
      }
      at += this.#fill(bytes, at);
      if (this.#filled === this.#partial.length) frames.push(this.#takePartial());
    }
    return frames;
  }

  /** True between two frames: where a stream may end without having lost anything. */
  isAtBoundary(): boolean {
    return this.#filled === 0;
  }

  /** Moves bytes into the partial frame and, once its header is there, makes room for the rest; gives how many. */
  #fill(bytes: Uint8Array, at: number): number {
    const sizeBytes = Math.min(this.#partial.length - this.#filled, bytes.length - at);
    this.#partial.set(bytes.subarray(at, at + sizeBytes), this.#filled);
    this.#filled += sizeBytes;
    if (this.#filled === HEADER_BYTES && this.#partial.length === HEADER_BYTES) {
      const whole = new Uint8Array(HEADER_BYTES + payloadLength(this.#partial, 0));
      whole.set(this.#partial);
      this.#partial = whole;
    }
    return sizeBytes;
  }

  #takePartial(): Frame {
    const frame = frameIn(this.#partial);
    this.#partial = new Uint8Array(HEADER_BYTES);
    this.#filled = 0;
    return frame;
  }
}

/** Where the frame at `at` ends, or -1 if not all of it is there. */
function wholeFrameEnd(bytes: Uint8Array, at: number): number {
  if (bytes.length - at < HEADER_BYTES) return -1;
  const end = at + HEADER_BYTES + payloadLength(bytes, at);
  return end <= bytes.length ? end : -1;
}

/** Checks the header at `at`. */
function payloadLength(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
  const length = view.getUint32(0, true);
  if (length > MAX_PAYLOAD_BYTES) throw malformed(`a frame of ${length} bytes`);
  if (view.getUint16(10, true) !== 0) throw malformed("reserved header bits are set");
  return length;
}

function frameIn(bytes: Uint8Array): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const payload = bytes.subarray(HEADER_BYTES);
  return { channel: view.getUint32(4, true), type: view.getUint8(8), stream: view.getUint8(9), payload };
}
