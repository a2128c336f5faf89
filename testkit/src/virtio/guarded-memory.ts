// Guest memory for fuzzing: RAM with guard zones on both sides in one buffer, so that a device that goes past an end
// changes something a test can see; and a broken twin, to prove that the test would see it.

import { GuestMemory } from "@hearth/machine";

const GUARD_BYTES = 64 * 1024;

/** RAM between two guard zones of 64 KiB. */
export function makeGuardedMemory(ramBytes: number): GuestMemory {
  return new GuestMemory(new SharedArrayBuffer(GUARD_BYTES + ramBytes + GUARD_BYTES), GUARD_BYTES, ramBytes);
}

/** A planted bug: looks only at the first byte of what a guest names, not at its end. */
export class LeakyMemory extends GuestMemory {
  constructor(ramBytes: number) {
    super(new SharedArrayBuffer(GUARD_BYTES + ramBytes + GUARD_BYTES), GUARD_BYTES, ramBytes);
  }

  override offsetOf(gpa: number, _sizeBytes: number): number {
    return super.offsetOf(gpa, 1);
  }
}
