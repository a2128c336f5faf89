// MADT (ACPI 6.5, 5.2.12): one I/O APIC with inputs from GSI 0, one local APIC a vCPU. No 8259 promise, no overrides:
// GSI n is ISA interrupt n.

import { acpiTable } from "./table.ts";

const REVISION = 6;
const TYPE_LOCAL_APIC = 0;
const TYPE_IO_APIC = 1;
const LOCAL_APIC_BYTES = 8;
const IO_APIC_BYTES = 12;
const LOCAL_APIC_ENABLED = 1;

export interface MadtOptions {
  readonly vcpuCount: number;
  readonly localApicBase: number;
  readonly ioApicBase: number;
}

export function buildMadt({ vcpuCount, localApicBase, ioApicBase }: MadtOptions): Uint8Array {
  const body = new Uint8Array(8 + IO_APIC_BYTES + vcpuCount * LOCAL_APIC_BYTES);
  const view = new DataView(body.buffer);
  view.setUint32(0, localApicBase, true);
  view.setUint8(8, TYPE_IO_APIC);
  view.setUint8(9, IO_APIC_BYTES);
  view.setUint32(12, ioApicBase, true);
  for (let id = 0; id < vcpuCount; id++) {
    const offset = 8 + IO_APIC_BYTES + id * LOCAL_APIC_BYTES;
    view.setUint8(offset, TYPE_LOCAL_APIC);
    view.setUint8(offset + 1, LOCAL_APIC_BYTES);
    view.setUint8(offset + 2, id);
    view.setUint8(offset + 3, id);
    view.setUint32(offset + 4, LOCAL_APIC_ENABLED, true);
  }
  return acpiTable("APIC", REVISION, "HRTHMADT", body);
}
