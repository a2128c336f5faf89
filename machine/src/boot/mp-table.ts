// MultiProcessor Specification 1.4 table, for kernels without ACPI: processors, one ISA bus, the I/O APIC with all its
// inputs, and the two local interrupt pins. Kernels look for the floating pointer in the last KiB below 640 KiB, which is
// where the system area begins.

import { ascii } from "../acpi/aml.ts";
import { checksum } from "../acpi/table.ts";
import { CPU_SIGNATURE } from "../cpu/cpuid.ts";
import { IOAPIC_PIN_COUNT, IOAPIC_VERSION } from "../interrupts/ioapic.ts";
import { IOAPIC_BASE } from "../interrupts/interrupt-fabric.ts";
import { APIC_DEFAULT_BASE, APIC_VERSION } from "../interrupts/local-apic/local-apic-registers.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { SYSTEM_AREA_START } from "./memory-layout.ts";

const POINTER_BYTES = 16;
const HEADER_BYTES = 44;
const SPECIFICATION_1_4 = 4;

const ENTRY_PROCESSOR = 0;
const ENTRY_BUS = 1;
const ENTRY_IO_APIC = 2;
const ENTRY_INTERRUPT = 3;
const ENTRY_LOCAL_INTERRUPT = 4;

const PROCESSOR_ENABLED = 1;
const PROCESSOR_BOOT = 2;
const IO_APIC_ENABLED = 1;
const INTERRUPT_VECTORED = 0;
const INTERRUPT_NMI = 1;
const INTERRUPT_EXTINT = 3;
const ALL_APICS = 0xff;
const ISA_BUS = 0;

/** Writes the table at the start of the system area and answers the first address after it. */
export function writeMpTable(memory: GuestMemory, vcpuCount: number): number {
  const table = buildMpTable(vcpuCount);
  memory.write(SYSTEM_AREA_START, buildFloatingPointer(SYSTEM_AREA_START + POINTER_BYTES));
  memory.write(SYSTEM_AREA_START + POINTER_BYTES, table);
  return SYSTEM_AREA_START + POINTER_BYTES + table.length;
}

function buildFloatingPointer(tableGpa: number): Uint8Array {
  const pointer = new Uint8Array(POINTER_BYTES);
  pointer.set(ascii("_MP_"));
  new DataView(pointer.buffer).setUint32(4, tableGpa, true);
  pointer[8] = POINTER_BYTES / 16;
  pointer[9] = SPECIFICATION_1_4;
  pointer[10] = checksum(pointer);
  return pointer;
}

/** The configuration table: header and entries, processors first as the specification wants. */
export function buildMpTable(vcpuCount: number): Uint8Array {
  const ioApicId = vcpuCount + 1;
  const entries = [
    ...Array.from({ length: vcpuCount }, (_, id) => processor(id)),
    [ENTRY_BUS, ISA_BUS, ...ascii("ISA   ")],
    [ENTRY_IO_APIC, ioApicId, IOAPIC_VERSION, IO_APIC_ENABLED, ...word(IOAPIC_BASE)],
    ...Array.from({ length: IOAPIC_PIN_COUNT }, (_, pin) => interrupt(pin, ioApicId)),
    [ENTRY_LOCAL_INTERRUPT, INTERRUPT_EXTINT, 0, 0, ISA_BUS, 0, 0, 0],
    [ENTRY_LOCAL_INTERRUPT, INTERRUPT_NMI, 0, 0, ISA_BUS, 0, ALL_APICS, 1],
  ];
  const body = entries.flat();
  const table = new Uint8Array(HEADER_BYTES + body.length);
  const view = new DataView(table.buffer);
  table.set(ascii("PCMP"));
  view.setUint16(4, table.length, true);
  table[6] = SPECIFICATION_1_4;
  table.set(ascii("HEARTH  "), 8);
  table.set(ascii("000000000000"), 16);
  view.setUint16(34, entries.length, true);
  view.setUint32(36, APIC_DEFAULT_BASE, true);
  table.set(body, HEADER_BYTES);
  table[7] = checksum(table);
  return table;
}

function processor(id: number): number[] {
  const flags = PROCESSOR_ENABLED | (id === 0 ? PROCESSOR_BOOT : 0);
  const signature = word(CPU_SIGNATURE);
  const fpuAndApic = word((1 << 0) | (1 << 9));
  return [
    ENTRY_PROCESSOR,
    id,
    APIC_VERSION & 0xff,
    flags,
    ...signature,
    ...fpuAndApic,
    ...word(0),
    ...word(0),
  ];
}

/** ISA interrupt n is input n, with the bus's own polarity and trigger. */
function interrupt(pin: number, ioApicId: number): number[] {
  return [ENTRY_INTERRUPT, INTERRUPT_VECTORED, 0, 0, ISA_BUS, pin, ioApicId, pin];
}

function word(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}
