// Unpredictable bytes for guests, from the host's cryptographic generator.

import { randomFillSync } from "node:crypto";

/** Fills all of `target`; also where it lies in shared memory. */
export function fillRandom(target: Uint8Array): void {
  randomFillSync(target);
}
