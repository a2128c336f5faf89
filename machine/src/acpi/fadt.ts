// FADT 6.5 for a hardware-reduced machine (ACPI 6.5, 5.2.9): no PM timer, no SCI, sleep and reset by byte registers.
// Offsets are from the start of the table, header included.

import {
  ACPI_POWER_PORT,
  RESET_OFFSET,
  RESET_VALUE,
  SLEEP_CONTROL_OFFSET,
  SLEEP_STATUS_OFFSET,
} from "../devices/acpi-power/acpi-power.ts";
import { ascii } from "./aml.ts";
import { ACPI_HEADER_BYTES, acpiTable } from "./table.ts";

const FADT_BYTES = 276;
const REVISION = 6;
const MINOR_REVISION = 5;

const OFFSET_BOOT_FLAGS = 109;
const OFFSET_FLAGS = 112;
const OFFSET_RESET_REGISTER = 116;
const OFFSET_RESET_VALUE = 128;
const OFFSET_MINOR_REVISION = 131;
const OFFSET_X_DSDT = 140;
const OFFSET_SLEEP_CONTROL = 244;
const OFFSET_SLEEP_STATUS = 256;
const OFFSET_HYPERVISOR_ID = 268;

/** There is an 8042; there is no VGA, no MSI-less promise, no CMOS clock. */
const BOOT_8042 = 1 << 1;
const BOOT_NO_VGA = 1 << 2;
const BOOT_NO_CMOS_RTC = 1 << 5;

const FLAG_WBINVD = 1 << 0;
/** Power and sleep buttons are not fixed hardware. */
const FLAG_POWER_BUTTON = 1 << 4;
const FLAG_SLEEP_BUTTON = 1 << 5;
const FLAG_RESET_REGISTER = 1 << 10;
const FLAG_HARDWARE_REDUCED = 1 << 20;

const HYPERVISOR_ID = "HEARTHVM";

export function buildFadt(dsdtGpa: number): Uint8Array {
  const body = new Uint8Array(FADT_BYTES - ACPI_HEADER_BYTES);
  const view = new DataView(body.buffer);
  const at = (offset: number): number => offset - ACPI_HEADER_BYTES;
  view.setUint16(at(OFFSET_BOOT_FLAGS), BOOT_8042 | BOOT_NO_VGA | BOOT_NO_CMOS_RTC, true);
  const flags =
    FLAG_WBINVD | FLAG_POWER_BUTTON | FLAG_SLEEP_BUTTON | FLAG_RESET_REGISTER | FLAG_HARDWARE_REDUCED;
  view.setUint32(at(OFFSET_FLAGS), flags, true);
  writeBytePort(view, at(OFFSET_RESET_REGISTER), ACPI_POWER_PORT + RESET_OFFSET);
  body[at(OFFSET_RESET_VALUE)] = RESET_VALUE;
  body[at(OFFSET_MINOR_REVISION)] = MINOR_REVISION;
  view.setBigUint64(at(OFFSET_X_DSDT), BigInt(dsdtGpa), true);
  writeBytePort(view, at(OFFSET_SLEEP_CONTROL), ACPI_POWER_PORT + SLEEP_CONTROL_OFFSET);
  writeBytePort(view, at(OFFSET_SLEEP_STATUS), ACPI_POWER_PORT + SLEEP_STATUS_OFFSET);
  body.set(ascii(HYPERVISOR_ID), at(OFFSET_HYPERVISOR_ID));
  return acpiTable("FACP", REVISION, "HRTHFADT", body);
}

/** Generic address structure (ACPI 6.5, 5.2.3.2): system I/O, 8 bits wide, byte access. */
function writeBytePort(view: DataView, offset: number, port: number): void {
  const systemIo = 1;
  const byteAccess = 1;
  view.setUint8(offset, systemIo);
  view.setUint8(offset + 1, 8);
  view.setUint8(offset + 2, 0);
  view.setUint8(offset + 3, byteAccess);
  view.setBigUint64(offset + 4, BigInt(port), true);
}
