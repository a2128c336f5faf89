// Virtual machine generation identifier (Microsoft "Virtual Machine Generation ID", driver drivers/virt/vmgenid.c): 16
// random bytes in guest memory that change when the machine is copied or put back, with a notification.

import { assert } from "../../errors.ts";
import type { InterruptLine } from "../../interrupts/interrupt-line.ts";
import type { GuestMemory } from "../../memory/guest-memory.ts";

export const GENERATION_ID_BYTES = 16;

export class VmGenId {
  readonly gpa: number;
  readonly #memory: GuestMemory;
  readonly #interrupt: InterruptLine;

  /** Places `id` at `gpa`, which must be RAM the guest is told to leave alone. */
  constructor(memory: GuestMemory, gpa: number, id: Uint8Array, interrupt: InterruptLine) {
    assert(memory.contains(gpa, GENERATION_ID_BYTES), "generation id must be in RAM");
    this.gpa = gpa;
    this.#memory = memory;
    this.#interrupt = interrupt;
    this.#write(id);
  }

  /** This machine is now another one: new identifier, then the interrupt that makes the guest reseed. */
  change(id: Uint8Array): void {
    this.#write(id);
    this.#interrupt.setLevel(true);
    this.#interrupt.setLevel(false);
  }

  #write(id: Uint8Array): void {
    assert(id.length === GENERATION_ID_BYTES, "a generation id has 16 bytes");
    this.#memory.write(this.gpa, id);
    this.#memory.noteDeviceWrite(this.#memory.offsetOf(this.gpa, id.length), id.length);
  }
}
