// The PC's two 8259A chips: ports 0x20, 0xa0 and the edge/level registers at 0x4d0; the second feeds input 2 of the first.

import type { AddressSpace } from "../bus/address-space.ts";
import { onByteRegisters } from "../bus/register-map.ts";
import { type ChipState, openState } from "../snapshot/chip-state.ts";
import { Pic8259 } from "./pic8259.ts";

const FIRST_PORT = 0x20;
const SECOND_PORT = 0xa0;
const ELCR_PORT = 0x4d0;
const CASCADE_INPUT = 2;
const STATE_KIND = "pic-pair";
const STATE_VERSION = 1;

export class PicPair {
  readonly #first: Pic8259;
  readonly #second: Pic8259;

  /** `onOutput` gets the level of the INT pin towards LINT0 of the boot processor. */
  constructor(onOutput: (isHigh: boolean) => void) {
    this.#first = new Pic8259("pic-first", 0xf8, onOutput);
    this.#second = new Pic8259("pic-second", 0xde, (isHigh) => this.#first.setLine(CASCADE_INPUT, isHigh));
  }

  attach(ports: AddressSpace): void {
    ports.register(FIRST_PORT, 2, onByteRegisters(this.#first));
    ports.register(SECOND_PORT, 2, onByteRegisters(this.#second));
    const pair = [this.#first, this.#second] as const;
    const elcr = {
      name: "pic-elcr",
      readRegister: (offset: number) => pair[offset & 1]?.readElcr() ?? 0,
      writeRegister: (offset: number, value: number) => pair[offset & 1]?.writeElcr(value),
    };
    ports.register(ELCR_PORT, 2, onByteRegisters(elcr));
  }

  /** Drives ISA interrupt 0 to 15. */
  setLine(irq: number, isHigh: boolean): void {
    if (irq < 8) {
      if (irq !== CASCADE_INPUT) this.#first.setLine(irq, isHigh);
    } else this.#second.setLine(irq - 8, isHigh);
  }

  /** Both INTA cycles; gives the vector. */
  acknowledge(): number {
    const isCascaded = this.#first.pendingInput() === CASCADE_INPUT;
    const vector = this.#first.acknowledge();
    return isCascaded ? this.#second.acknowledge() : vector;
  }

  reset(): void {
    this.#first.reset();
    this.#second.reset();
  }

  state(): ChipState {
    const data = { first: this.#first.state(), second: this.#second.state() };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  /** The first chip comes last: its cascade input is part of its own state. */
  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.#second.restore(fields.chip("second"));
    this.#first.restore(fields.chip("first"));
  }
}
