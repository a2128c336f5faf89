// Puts the tables into guest memory: DSDT, FADT, MADT and XSDT one after another in the reserved system area, and the
// RSDP where boot protocols and scanning kernels look for it. There is no MCFG: the board has no PCI.

import { assert } from "../errors.ts";
import { SYSTEM_AREA_END, RSDP_GPA } from "../boot/memory-layout.ts";
import { APIC_DEFAULT_BASE } from "../interrupts/local-apic/local-apic-registers.ts";
import { IOAPIC_BASE } from "../interrupts/interrupt-fabric.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { ascii } from "./aml.ts";
import { type DsdtOptions, buildDsdt } from "./dsdt.ts";
import { buildFadt } from "./fadt.ts";
import { buildMadt } from "./madt.ts";
import { OEM_ID, acpiTable, checksum } from "./table.ts";

const RSDP_BYTES = 36;
const RSDP_V1_BYTES = 20;
const TABLE_ALIGNMENT = 16;

export interface AcpiOptions extends DsdtOptions {
  /** Where the first table may stand, in the system area. */
  readonly firstGpa: number;
  readonly vcpuCount: number;
}

/** Writes all tables and answers the RSDP's address. */
export function writeAcpiTables(memory: GuestMemory, options: AcpiOptions): number {
  let next = alignUp(options.firstGpa);
  const place = (table: Uint8Array): number => {
    const gpa = next;
    next = alignUp(gpa + table.length);
    assert(next <= (options.generationId?.gpa ?? SYSTEM_AREA_END), "ACPI tables outgrow the system area");
    memory.write(gpa, table);
    return gpa;
  };
  const dsdt = place(buildDsdt(options));
  const fadt = place(buildFadt(dsdt));
  const { vcpuCount } = options;
  const madt = place(buildMadt({ vcpuCount, localApicBase: APIC_DEFAULT_BASE, ioApicBase: IOAPIC_BASE }));
  const xsdt = place(buildXsdt([fadt, madt]));
  memory.write(RSDP_GPA, buildRsdp(xsdt));
  return RSDP_GPA;
}

function alignUp(gpa: number): number {
  return Math.ceil(gpa / TABLE_ALIGNMENT) * TABLE_ALIGNMENT;
}

/** Extended system description table (ACPI 6.5, 5.2.8): 64-bit addresses of the others. */
function buildXsdt(tableGpas: readonly number[]): Uint8Array {
  const body = new Uint8Array(tableGpas.length * 8);
  const view = new DataView(body.buffer);
  tableGpas.forEach((gpa, i) => {
    view.setBigUint64(i * 8, BigInt(gpa), true);
  });
  return acpiTable("XSDT", 1, "HRTHXSDT", body);
}

/** Root pointer, revision 2 (ACPI 6.5, 5.2.5.3). Only the XSDT is given, no 32-bit RSDT. */
function buildRsdp(xsdtGpa: number): Uint8Array {
  const rsdp = new Uint8Array(RSDP_BYTES);
  const view = new DataView(rsdp.buffer);
  rsdp.set(ascii("RSD PTR "), 0);
  rsdp.set(ascii(OEM_ID), 9);
  rsdp[15] = 2;
  view.setUint32(20, RSDP_BYTES, true);
  view.setBigUint64(24, BigInt(xsdtGpa), true);
  rsdp[8] = checksum(rsdp.subarray(0, RSDP_V1_BYTES));
  rsdp[32] = checksum(rsdp);
  return rsdp;
}
