// 82093AA I/O APIC: 24 inputs, each with a 64-bit redirection entry. A pure state machine: pins in, messages out.
// Version 0x11, so no EOI register; an edge that arrives while its entry is masked is lost, as on the chip.
//
//   redirection entry, low word                                          high word
//   16    15      14          13        12          11     10..8   7..0  31..24
//   mask  level   remote IRR  polarity  delivering  logic  mode    vector  destination

import type { WordRegisters } from "../bus/register-map.ts";
import { type ChipState, openState } from "../snapshot/chip-state.ts";
import type { ApicBus } from "./apic-message.ts";

export const IOAPIC_PIN_COUNT = 24;

const REG_SELECT = 0x00;
const REG_WINDOW = 0x10;

const INDEX_ID = 0;
const INDEX_VERSION = 1;
const INDEX_ARBITRATION = 2;
const INDEX_REDIRECTION = 0x10;

export const IOAPIC_VERSION = 0x11;
const VERSION_REGISTER = IOAPIC_VERSION | ((IOAPIC_PIN_COUNT - 1) << 16);

const ENTRY_MASKED = 1 << 16;
const ENTRY_LEVEL = 1 << 15;
const ENTRY_REMOTE_IRR = 1 << 14;
const ENTRY_LOGICAL = 1 << 11;
/** Delivery status and remote IRR are read-only; the rest of the low word is the guest's. */
const ENTRY_WRITABLE = 0x1_afff;

const STATE_KIND = "ioapic";
const STATE_VERSION = 1;

export interface IoApicData {
  readonly id: number;
  readonly select: number;
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly pins: number;
}

export class IoApic implements WordRegisters {
  readonly name = "ioapic";
  readonly #bus: ApicBus;
  readonly #low = new Uint32Array(IOAPIC_PIN_COUNT).fill(ENTRY_MASKED);
  readonly #high = new Uint32Array(IOAPIC_PIN_COUNT);
  #id = 0;
  #select = 0;
  /** Input levels, bit n for pin n. */
  #pins = 0;

  constructor(bus: ApicBus) {
    this.#bus = bus;
  }

  /** Drives input `pin` (0 to 23). */
  setPin(pin: number, isHigh: boolean): void {
    const bit = 1 << pin;
    const wasHigh = (this.#pins & bit) !== 0;
    if (wasHigh === isHigh) return;
    this.#pins ^= bit;
    if (isHigh) this.#service(pin);
  }

  /** A local APIC finished `vector`, which it had got as a level interrupt. Lines still high are sent again. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
      const entry = this.#low[pin] as number;
      if ((entry & ENTRY_REMOTE_IRR) === 0 || (entry & 0xff) !== vector) continue;
      this.#low[pin] = entry & ~ENTRY_REMOTE_IRR;
      if ((this.#pins & (1 << pin)) !== 0) this.#service(pin);
    }
  }

  readRegister(offset: number): number {
    if (offset === REG_SELECT) return this.#select;
    return offset === REG_WINDOW ? this.#readIndexed() : 0;
  }

  writeRegister(offset: number, value: number, lanes: number): void {
    if (offset === REG_SELECT && (lanes & 0xff) !== 0) this.#select = value & 0xff;
    else if (offset === REG_WINDOW && lanes === 0xffff_ffff) this.#writeIndexed(value);
  }

  reset(): void {
    this.#low.fill(ENTRY_MASKED);
    this.#high.fill(0);
    this.#id = 0;
    this.#select = 0;
  }

  state(): ChipState<IoApicData> {
    const data = {
      id: this.#id,
      select: this.#select,
      low: [...this.#low],
      high: [...this.#high],
      pins: this.#pins,
    };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  /** Takes over a saved state. Sends nothing: what was on its way is part of the local APICs' states. */
  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.#id = fields.integer("id", 15);
    this.#select = fields.integer("select", 0xff);
    this.#low.set(fields.integers("low", IOAPIC_PIN_COUNT, ENTRY_WRITABLE | ENTRY_REMOTE_IRR));
    this.#high.set(fields.integers("high", IOAPIC_PIN_COUNT, 0xffff_ffff));
    this.#pins = fields.integer("pins", 0xff_ffff);
  }

  #readIndexed(): number {
    const index = this.#select;
    if (index === INDEX_ID || index === INDEX_ARBITRATION) return (this.#id << 24) >>> 0;
    if (index === INDEX_VERSION) return VERSION_REGISTER;
    const pin = (index - INDEX_REDIRECTION) >> 1;
    if (index < INDEX_REDIRECTION || pin >= IOAPIC_PIN_COUNT) return 0;
    return (((index & 1) === 0 ? this.#low[pin] : this.#high[pin]) as number) >>> 0;
  }

  #writeIndexed(value: number): void {
    const index = this.#select;
    if (index === INDEX_ID) this.#id = (value >>> 24) & 0xf;
    const pin = (index - INDEX_REDIRECTION) >> 1;
    if (index < INDEX_REDIRECTION || pin >= IOAPIC_PIN_COUNT) return;
    if ((index & 1) !== 0) {
      this.#high[pin] = value & 0xff00_0000;
      return;
    }
    // Remote IRR belongs to level mode: switching to edge drops it, which is how Linux frees a stuck entry.
    const kept = (value & ENTRY_LEVEL) !== 0 ? (this.#low[pin] as number) & ENTRY_REMOTE_IRR : 0;
    this.#low[pin] = (value & ENTRY_WRITABLE) | kept;
    if ((value & ENTRY_LEVEL) !== 0 && (this.#pins & (1 << pin)) !== 0) this.#service(pin);
  }

  #service(pin: number): void {
    const entry = this.#low[pin] as number;
    if ((entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) !== 0) return;
    const isLevel = (entry & ENTRY_LEVEL) !== 0;
    if (isLevel) this.#low[pin] = entry | ENTRY_REMOTE_IRR;
    const isTaken = this.#bus.send({
      vector: entry & 0xff,
      deliveryMode: (entry >>> 8) & 7,
      destination: (this.#high[pin] as number) >>> 24,
      isLogical: (entry & ENTRY_LOGICAL) !== 0,
      isLevel,
    });
    // Nobody there to send an EOI: do not wait for one.
    if (isLevel && !isTaken) this.#low[pin] = entry;
  }
}
