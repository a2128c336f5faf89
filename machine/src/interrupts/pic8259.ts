// 8259A interrupt controller, one chip (see pic-pair.ts for the PC's two). Kept small: Linux on this board uses it only
// when it does not use the APICs. Fixed and rotating priority, automatic EOI, polling, special mask mode, ELCR.

import type { ByteRegisters } from "../bus/register-map.ts";
import { type ChipState, openState } from "../snapshot/chip-state.ts";

const ICW1_INIT = 0x10;
const ICW1_NEEDS_ICW4 = 0x01;
const ICW1_SINGLE = 0x02;
const ICW4_AUTO_EOI = 0x02;
const OCW3_SELECT = 0x08;
const OCW3_POLL = 0x04;

const STATE_KIND = "pic8259";
const STATE_VERSION = 1;

export interface PicData {
  readonly irr: number;
  readonly isr: number;
  readonly imr: number;
  readonly elcr: number;
  readonly lines: number;
  readonly vectorBase: number;
  readonly lowestPriority: number;
  readonly initStep: number;
  readonly flags: number;
}

/** Flag bits of the saved `flags` field. */
const FLAG_NEEDS_ICW4 = 1;
const FLAG_AUTO_EOI = 2;
const FLAG_READ_ISR = 4;
const FLAG_POLL = 8;
const FLAG_SPECIAL_MASK = 16;
const FLAG_ROTATE_AUTO_EOI = 32;
const FLAG_SINGLE = 64;

export class Pic8259 implements ByteRegisters {
  readonly name: string;
  readonly #onOutput: (isHigh: boolean) => void;
  readonly #elcrMask: number;
  #irr = 0;
  #isr = 0;
  #imr = 0;
  #elcr = 0;
  #lines = 0;
  #vectorBase = 0;
  /** The input with the lowest priority; the next one up has the highest. */
  #lowestPriority = 7;
  /** 0 when working, else the number of the ICW that comes next. Until it was initialised once, a chip asks for nothing. */
  #initStep = 1;
  #flags = 0;
  #output = false;

  /** `elcrMask`: inputs that may be made level-triggered. `onOutput` gets the INT pin. */
  constructor(name: string, elcrMask: number, onOutput: (isHigh: boolean) => void) {
    this.name = name;
    this.#elcrMask = elcrMask;
    this.#onOutput = onOutput;
  }

  setLine(input: number, isHigh: boolean): void {
    const bit = 1 << input;
    const wasHigh = (this.#lines & bit) !== 0;
    this.#lines = isHigh ? this.#lines | bit : this.#lines & ~bit;
    if (isHigh && (!wasHigh || (this.#elcr & bit) !== 0)) this.#irr |= bit;
    else if (!isHigh) this.#irr &= ~bit;
    this.#update();
  }

  /** The INTA cycle: puts the most urgent request in service and gives its vector; the spurious vector 7 when none is left. */
  acknowledge(): number {
    const input = this.#pendingInput();
    if (input < 0) return this.#vectorBase | 7;
    this.#take(input);
    return this.#vectorBase | input;
  }

  /** Whether acknowledge would find a request, and which input it is on; -1 for none. */
  pendingInput(): number {
    return this.#pendingInput();
  }

  readRegister(offset: number): number {
    if ((this.#flags & FLAG_POLL) !== 0) return this.#poll();
    if (offset === 1) return this.#imr;
    return (this.#flags & FLAG_READ_ISR) !== 0 ? this.#isr : this.#irr;
  }

  writeRegister(offset: number, value: number): void {
    if (offset === 1) this.#writeData(value);
    else if ((value & ICW1_INIT) !== 0) this.#beginInit(value);
    else if ((value & OCW3_SELECT) !== 0) this.#writeOcw3(value);
    else this.#writeOcw2(value);
    this.#update();
  }

  readElcr(): number {
    return this.#elcr;
  }

  writeElcr(value: number): void {
    this.#elcr = value & this.#elcrMask;
    this.#update();
  }

  reset(): void {
    this.#irr = this.#isr = this.#imr = this.#elcr = 0;
    this.#vectorBase = this.#flags = 0;
    this.#initStep = 1;
    this.#lowestPriority = 7;
    this.#update();
  }

  state(): ChipState<PicData> {
    const data = {
      irr: this.#irr,
      isr: this.#isr,
      imr: this.#imr,
      elcr: this.#elcr,
      lines: this.#lines,
      vectorBase: this.#vectorBase,
      lowestPriority: this.#lowestPriority,
      initStep: this.#initStep,
      flags: this.#flags,
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  /** Takes over a saved state; the INT pin is driven anew. */
  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.#irr = fields.integer("irr", 0xff);
    this.#isr = fields.integer("isr", 0xff);
    this.#imr = fields.integer("imr", 0xff);
    this.#elcr = fields.integer("elcr", 0xff) & this.#elcrMask;
    this.#lines = fields.integer("lines", 0xff);
    this.#vectorBase = fields.integer("vectorBase", 0xff) & 0xf8;
    this.#lowestPriority = fields.integer("lowestPriority", 7);
    this.#initStep = fields.integer("initStep", 4);
    this.#flags = fields.integer("flags", 0x7f);
    this.#update();
  }

  #beginInit(icw1: number): void {
    this.#irr = this.#lines & this.#elcr;
    this.#isr = 0;
    this.#imr = 0;
    this.#lowestPriority = 7;
    this.#flags =
      ((icw1 & ICW1_NEEDS_ICW4) !== 0 ? FLAG_NEEDS_ICW4 : 0) | ((icw1 & ICW1_SINGLE) !== 0 ? FLAG_SINGLE : 0);
    this.#initStep = 2;
  }

  #writeData(value: number): void {
    const step = this.#initStep;
    const hasIcw4 = (this.#flags & FLAG_NEEDS_ICW4) !== 0;
    if (step <= 1) this.#imr = value;
    else if (step === 2) {
      this.#vectorBase = value & 0xf8;
      this.#initStep = (this.#flags & FLAG_SINGLE) === 0 ? 3 : hasIcw4 ? 4 : 0;
    } else if (step === 3) this.#initStep = hasIcw4 ? 4 : 0;
    else {
      if ((value & ICW4_AUTO_EOI) !== 0) this.#flags |= FLAG_AUTO_EOI;
      this.#initStep = 0;
    }
  }

  /** Bits 7:5 are rotate, specific, end of interrupt. */
  #writeOcw2(value: number): void {
    const input = value & 7;
    switch (value >>> 5) {
      case 0:
        this.#flags &= ~FLAG_ROTATE_AUTO_EOI;
        break;
      case 1:
        this.#endOfInterrupt(this.#mostUrgent(this.#isr), false);
        break;
      case 3:
        this.#endOfInterrupt(input, false);
        break;
      case 4:
        this.#flags |= FLAG_ROTATE_AUTO_EOI;
        break;
      case 5:
        this.#endOfInterrupt(this.#mostUrgent(this.#isr), true);
        break;
      case 6:
        this.#lowestPriority = input;
        break;
      case 7:
        this.#endOfInterrupt(input, true);
    }
  }

  #writeOcw3(value: number): void {
    if ((value & 0x40) !== 0) this.#setFlag(FLAG_SPECIAL_MASK, (value & 0x20) !== 0);
    if ((value & OCW3_POLL) !== 0) this.#flags |= FLAG_POLL;
    else if ((value & 2) !== 0) this.#setFlag(FLAG_READ_ISR, (value & 1) !== 0);
  }

  #setFlag(flag: number, isSet: boolean): void {
    this.#flags = isSet ? this.#flags | flag : this.#flags & ~flag;
  }

  #poll(): number {
    this.#flags &= ~FLAG_POLL;
    const input = this.#pendingInput();
    if (input < 0) return 0;
    this.#take(input);
    return 0x80 | input;
  }

  #endOfInterrupt(input: number, rotates: boolean): void {
    if (input < 0) return;
    this.#isr &= ~(1 << input);
    if (rotates) this.#lowestPriority = input;
  }

  #take(input: number): void {
    const bit = 1 << input;
    if ((this.#elcr & bit) === 0) this.#irr &= ~bit;
    if ((this.#flags & FLAG_AUTO_EOI) === 0) this.#isr |= bit;
    else if ((this.#flags & FLAG_ROTATE_AUTO_EOI) !== 0) this.#lowestPriority = input;
    this.#update();
  }

  /** The most urgent bit of `set` under the present rotation, -1 when empty. */
  #mostUrgent(set: number): number {
    if (set === 0) return -1;
    const first = (this.#lowestPriority + 1) & 7;
    const rotated = ((set >>> first) | (set << (8 - first))) & 0xff;
    return (31 - Math.clz32(rotated & -rotated) + first) & 7;
  }

  #pendingInput(): number {
    const request = this.#mostUrgent(this.#irr & ~this.#imr);
    if (request < 0 || this.#initStep !== 0) return -1;
    const hides = (this.#flags & FLAG_SPECIAL_MASK) !== 0 ? this.#isr & ~this.#imr : this.#isr;
    const serviced = this.#mostUrgent(hides);
    if (serviced < 0) return request;
    const rank = (input: number): number => (input - this.#lowestPriority - 1) & 7;
    return rank(request) < rank(serviced) ? request : -1;
  }

  #update(): void {
    const output = this.#pendingInput() >= 0;
    if (output === this.#output) return;
    this.#output = output;
    this.#onOutput(output);
  }
}
