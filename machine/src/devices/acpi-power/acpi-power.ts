// Sleep control, sleep status and reset registers of hardware-reduced ACPI (ACPI 6.5, 4.8.3.6, 4.8.3.7), three byte
// ports. Writing the S5 type with SLP_EN is what `poweroff` comes down to. Only S5 exists.

import type { ByteRegisters } from "../../bus/register-map.ts";

export const ACPI_POWER_PORT = 0x600;
export const ACPI_POWER_PORT_COUNT = 3;
export const SLEEP_CONTROL_OFFSET = 0;
export const SLEEP_STATUS_OFFSET = 1;
export const RESET_OFFSET = 2;
export const RESET_VALUE = 1;
/** SLP_TYP of S5, as \_S5 in the DSDT says. */
export const SLEEP_TYPE_S5 = 5;

const SLEEP_ENABLE = 0x20;
const SLEEP_TYPE_SHIFT = 2;

export interface AcpiPowerOptions {
  readonly onPowerOff: () => void;
  readonly onReset: () => void;
}

/** Has no state: wake status never sets, because S5 is not left by waking. */
export class AcpiPower implements ByteRegisters {
  readonly name = "acpi-power";
  readonly #options: AcpiPowerOptions;

  constructor(options: AcpiPowerOptions) {
    this.#options = options;
  }

  readRegister(_offset: number): number {
    return 0;
  }

  writeRegister(offset: number, value: number): void {
    if (offset === RESET_OFFSET && value === RESET_VALUE) this.#options.onReset();
    const isEntering = offset === SLEEP_CONTROL_OFFSET && (value & SLEEP_ENABLE) !== 0;
    if (isEntering && ((value >>> SLEEP_TYPE_SHIFT) & 7) === SLEEP_TYPE_S5) this.#options.onPowerOff();
  }
}
