// Bytes on their way from a stream of the guest to one reader here. What the reader takes is reported, so that the
// protocol can return credit: at most one window is ever queued.

import { HearthError } from "@hearth/machine/errors";

/** Chunks are put together up to this size, so that a window of single bytes is no window of objects. */
const JOINED_BYTES = 8192;

/** One producer, one consumer. Iterate it to read: `for await (const chunk of queue)`. */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #onTaken: (sizeBytes: number) => void;
  readonly #chunks: Uint8Array[] = [];
  #isEnded = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(onTaken: (sizeBytes: number) => void) {
    this.#onTaken = onTaken;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  push(bytes: Uint8Array): void {
    const last = this.#chunks.at(-1);
    if (last === undefined || last.length + bytes.length > JOINED_BYTES) this.#chunks.push(keepAlone(bytes));
    else this.#chunks[this.#chunks.length - 1] = join(last, bytes);
    this.#notify();
  }

  /** No more bytes will come. With `failure`, readers get it after what is queued. Calls after the first do nothing. */
  end(failure?: Error): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#failure = failure;
    this.#notify();
  }

  /** The next chunk; undefined at the end. */
  async take(): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const chunk = this.#chunks.shift() as Uint8Array;
    this.#onTaken(chunk.length);
    return chunk;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (let chunk = await this.take(); chunk !== undefined; chunk = await this.take()) yield chunk;
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** Of a small part of something larger, a copy: the rest of it would be kept as well, which no window counts. */
function keepAlone(bytes: Uint8Array): Uint8Array {
  return bytes.length < bytes.buffer.byteLength / 2 ? bytes.slice() : bytes;
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

/** Most that `collect` keeps unless told otherwise: a guest may write for ever. */
const MAX_COLLECTED_BYTES = 256 * 1024 * 1024;

/** Reads a queue to its end into one array. Throws HearthError output.too-large beyond `maxBytes`. */
export async function collect(
  queue: AsyncIterable<Uint8Array>,
  maxBytes = MAX_COLLECTED_BYTES,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of queue) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes)
      throw new HearthError(
        "output.too-large",
        `The guest sent more than ${maxBytes} bytes; read it as a stream.`,
      );
  }
  const all = new Uint8Array(sizeBytes);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
