// The header all ACPI tables share (ACPI 6.5, 5.2.6), and the checksum that makes a table's bytes add up to zero.

import { assert } from "../errors.ts";
import { ascii } from "./aml.ts";

export const ACPI_HEADER_BYTES = 36;
const OFFSET_LENGTH = 4;
const OFFSET_REVISION = 8;
const OFFSET_CHECKSUM = 9;
const OFFSET_OEM_ID = 10;
const OFFSET_OEM_TABLE_ID = 16;
const OFFSET_OEM_REVISION = 24;
const OFFSET_CREATOR_ID = 28;
const OFFSET_CREATOR_REVISION = 32;

export const OEM_ID = "HEARTH";
const CREATOR_ID = "HRTH";

/** A complete table of `body` behind a header. `oemTableId` has at most eight characters. */
export function acpiTable(
  signature: string,
  revision: number,
  oemTableId: string,
  body: Uint8Array,
): Uint8Array {
  assert(signature.length === 4 && oemTableId.length <= 8, "ACPI signature or table id has a wrong length");
  const table = new Uint8Array(ACPI_HEADER_BYTES + body.length);
  const view = new DataView(table.buffer);
  table.set(ascii(signature), 0);
  view.setUint32(OFFSET_LENGTH, table.length, true);
  table[OFFSET_REVISION] = revision;
  table.set(ascii(OEM_ID), OFFSET_OEM_ID);
  table.set(ascii(oemTableId.padEnd(8, "\0")), OFFSET_OEM_TABLE_ID);
  view.setUint32(OFFSET_OEM_REVISION, 1, true);
  table.set(ascii(CREATOR_ID), OFFSET_CREATOR_ID);
  view.setUint32(OFFSET_CREATOR_REVISION, 1, true);
  table.set(body, ACPI_HEADER_BYTES);
  table[OFFSET_CHECKSUM] = checksum(table);
  return table;
}

/** The byte that, stored where a zero stands now, makes all of `bytes` add up to 0 modulo 256. */
export function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}
