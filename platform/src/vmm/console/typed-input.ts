// Keys on their way to the guest's serial port, which takes a few bytes at a time and only while the guest reads.

/** A queue in front of a port that takes part of what it is offered. */
export class TypedInput {
  readonly #offer: (bytes: Uint8Array) => number;
  readonly #chunks: Uint8Array[] = [];

  /** `offer` gives how many bytes the port took. */
  constructor(offer: (bytes: Uint8Array) => number) {
    this.#offer = offer;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#chunks.push(bytes);
  }

  /** Moves on what the port takes now; true when it took anything. */
  pump(): boolean {
    let hasMoved = false;
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const taken = this.#offer(chunk);
      if (taken > 0) hasMoved = true;
      if (taken < chunk.length) {
        this.#chunks[0] = chunk.subarray(taken);
        return hasMoved;
      }
      this.#chunks.shift();
    }
    return hasMoved;
  }
}
