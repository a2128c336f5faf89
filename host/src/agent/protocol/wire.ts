// Reading and writing the fields of payloads (docs/agent-protocol.md, "Frames"): little-endian integers, and `str` as a
// byte count and UTF-8 bytes. A payload that ends before its last field is malformed; bytes after it are ignored.

import { HearthError } from "@hearth/machine/errors";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Appends fields; `finish` gives the payload. */
export class PayloadWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  i64(value: bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value, true);
    return this;
  }

  text(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  /** A `str` field of raw bytes. */
  bytes(value: Uint8Array): this {
    this.u32(value.length);
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** May replace the buffer, so it comes before any use of it. */
  #reserve(sizeBytes: number): number {
    const at = this.#length;
    this.#length += sizeBytes;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

/** Takes fields off a payload the guest sent. Every method throws HearthError agent.protocol when too few bytes are left. */
export class PayloadReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  text(): string {
    const sizeBytes = this.u32();
    const at = this.#take(sizeBytes);
    return decoder.decode(this.#bytes.subarray(at, at + sizeBytes));
  }

  /** Everything not yet taken. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#take(this.remaining));
  }

  #take(sizeBytes: number): number {
    const at = this.#at;
    if (sizeBytes > this.remaining) throw malformed("a payload ends too early");
    this.#at += sizeBytes;
    return at;
  }
}

/** The guest broke the protocol: the connection ends with this error. */
export function malformed(what: string): HearthError {
  return new HearthError("agent.protocol", `The guest's agent sent something malformed: ${what}.`);
}
