// The local APIC's xAPIC face: a page at 0xfee00000 with a 32-bit register every 16 bytes (Intel SDM vol. 3A, 11.4.1).
// Only whole-register accesses do anything; in x2APIC mode the page is dead.

import type { WordRegisters } from "../../bus/register-map.ts";
import type { LocalApic } from "./local-apic.ts";
import { ApicRegister, ESR_ILLEGAL_REGISTER } from "./local-apic-registers.ts";

export class LocalApicPage implements WordRegisters {
  readonly name = "local-apic";
  readonly #apic: LocalApic;

  constructor(apic: LocalApic) {
    this.#apic = apic;
  }

  readRegister(offset: number): number {
    const apic = this.#apic;
    if (!apic.isEnabled || apic.isX2 || (offset & 0xf) !== 0) return 0;
    const register = offset >>> 4;
    if (register === ApicRegister.Id) return (apic.id << 24) >>> 0;
    if (register === ApicRegister.CommandHigh) return apic.command.high;
    if (register === ApicRegister.DestinationFormat) return apic.destinationFormat;
    const value = apic.read(register);
    if (value >= 0) return value;
    apic.raiseError(ESR_ILLEGAL_REGISTER);
    return 0;
  }

  writeRegister(offset: number, value: number, lanes: number): void {
    const apic = this.#apic;
    if (!apic.isEnabled || apic.isX2 || (offset & 0xf) !== 0 || lanes !== 0xffff_ffff) return;
    const register = offset >>> 4;
    if (register === ApicRegister.LogicalDestination) apic.logicalDestination = value;
    else if (register === ApicRegister.DestinationFormat) apic.destinationFormat = value;
    else if (register === ApicRegister.CommandHigh) apic.command.high = value & 0xff00_0000;
    else if (register === ApicRegister.CommandLow) apic.command.write(value, apic.command.high >>> 24);
    else if (!apic.write(register, value)) apic.raiseError(ESR_ILLEGAL_REGISTER);
  }
}
