// The guest's serial console as the library's user sees it. Until somebody reads, the last part is kept and the guest
// runs on; once somebody reads, nothing is lost and a slow reader holds the guest back.

import type { ToRunner } from "../runner/messages.ts";

const KEPT_BYTES = 256 * 1024;

/** Iterate it to read; one reader at a time. */
export class GuestConsole implements AsyncIterable<Uint8Array> {
  readonly #post: (message: ToRunner) => void;
  #chunks: Uint8Array[] = [];
  #keptBytes = 0;
  #isRead = false;
  #isEnded = false;
  #wake: (() => void) | undefined;

  constructor(post: (message: ToRunner) => void) {
    this.#post = post;
  }

  /** Types into the guest's console. */
  write(data: string | Uint8Array): void {
    if (this.#isEnded) return;
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data.slice();
    this.#post({ kind: "console-input", bytes });
  }

  /** Everything from what is kept now to the end of the machine. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    this.#isRead = true;
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        yield chunk;
        this.#taken(chunk.length);
        continue;
      }
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** For the machine: the guest wrote. */
  receive(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    if (!this.#isRead) this.#forget(bytes.length);
    this.#notify();
  }

  /** For the machine: nothing more will come. */
  end(): void {
    this.#isEnded = true;
    this.#notify();
  }

  /** What was kept before anybody read counted as taken when it came. */
  #taken(sizeBytes: number): void {
    const alreadyBytes = Math.min(sizeBytes, this.#keptBytes);
    this.#keptBytes -= alreadyBytes;
    if (sizeBytes > alreadyBytes) this.#post({ kind: "console-taken", sizeBytes: sizeBytes - alreadyBytes });
  }

  #forget(arrivedBytes: number): void {
    this.#post({ kind: "console-taken", sizeBytes: arrivedBytes });
    this.#keptBytes += arrivedBytes;
    while (this.#keptBytes > KEPT_BYTES && this.#chunks.length > 1)
      this.#keptBytes -= (this.#chunks.shift() as Uint8Array).length;
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
