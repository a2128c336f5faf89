// The local vector table: what the APIC's own sources (timer, thermal, performance, LINT0, LINT1, error) turn into
// (Intel SDM vol. 3A, 11.5.1).

import { DeliveryMode } from "../apic-message.ts";
import { ApicRegister, LVT_MASKED, LVT_MODE_SHIFT, LVT_WRITABLE } from "./local-apic-registers.ts";

/** The registers of the table, in order. */
export const LVT_REGISTERS: readonly number[] = Object.keys(LVT_WRITABLE).map(Number);

export class LocalVectorTable {
  readonly #entries = new Map<number, number>();

  constructor() {
    this.reset();
  }

  /** -1 when `register` is not an entry. */
  read(register: number): number {
    return this.#entries.get(register) ?? -1;
  }

  /** While the APIC is disabled by software, entries stay masked. False when `register` is not an entry. */
  write(register: number, value: number, isSoftwareEnabled: boolean): boolean {
    const writable = LVT_WRITABLE[register];
    if (writable === undefined) return false;
    this.#entries.set(register, (value & writable) | (isSoftwareEnabled ? 0 : LVT_MASKED));
    return true;
  }

  isMasked(register: number): boolean {
    return (this.read(register) & LVT_MASKED) !== 0;
  }

  vector(register: number): number {
    return this.read(register) & 0xff;
  }

  /** One of DeliveryMode; the timer and error entries have no such field and are always fixed. */
  deliveryMode(register: number): number {
    if (register === ApicRegister.LvtTimer || register === ApicRegister.LvtError) return DeliveryMode.Fixed;
    return (this.read(register) >>> LVT_MODE_SHIFT) & 7;
  }

  maskAll(): void {
    for (const register of LVT_REGISTERS) this.#entries.set(register, this.read(register) | LVT_MASKED);
  }

  reset(): void {
    for (const register of LVT_REGISTERS) this.#entries.set(register, LVT_MASKED);
  }

  /** As firmware leaves a boot processor: the 8259 pair on LINT0, NMI on LINT1. */
  wireAsFirmware(): void {
    this.#entries.set(ApicRegister.LvtLint0, DeliveryMode.ExtInt << LVT_MODE_SHIFT);
    this.#entries.set(ApicRegister.LvtLint1, DeliveryMode.Nmi << LVT_MODE_SHIFT);
  }

  /** Entries in the order of LVT_REGISTERS. */
  values(): number[] {
    return LVT_REGISTERS.map((register) => this.read(register));
  }

  restore(values: readonly number[]): void {
    LVT_REGISTERS.forEach((register, i) => {
      this.#entries.set(register, (values[i] as number) & (LVT_WRITABLE[register] as number));
    });
  }
}
