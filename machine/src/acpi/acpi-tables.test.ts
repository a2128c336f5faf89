// The tables as they stand in guest memory: found from the RSDP, checksums right, contents as a kernel reads them.
// testdata/dsdt.txt is the DSDT of three devices, checked once with a disassembler; HEARTH_UPDATE_GOLDEN=1 rewrites it.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { RSDP_GPA, SYSTEM_AREA_END, SYSTEM_AREA_START } from "../boot/memory-layout.ts";
import { AssertionError } from "../errors.ts";
import { GuestMemory } from "../memory/guest-memory.ts";
import { writeAcpiTables } from "./acpi-tables.ts";
import { buildDsdt } from "./dsdt.ts";

const RAM_BYTES = 0x20_0000;
const GOLDEN = new URL("testdata/dsdt.txt", import.meta.url);
const virtio = [0, 1, 2].map((i) => ({ gpa: 0xc000_1000 + i * 0x1000, sizeBytes: 0x1000, gsi: 5 + i }));
const generationId = { gpa: SYSTEM_AREA_END - 16, gsi: 8 };

function write(vcpuCount = 1): GuestMemory {
  const memory = new GuestMemory(new ArrayBuffer(RAM_BYTES), 0, RAM_BYTES);
  assert.equal(
    writeAcpiTables(memory, { firstGpa: SYSTEM_AREA_START + 5, vcpuCount, virtio, generationId }),
    RSDP_GPA,
  );
  return memory;
}

const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => total + byte, 0) & 0xff;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A table with its checksum verified. */
function tableAt(memory: GuestMemory, gpa: number): Uint8Array {
  const table = memory.slice(gpa, memory.readU32(gpa + 4));
  assert.equal(sum(table), 0, `checksum of ${text(table.subarray(0, 4))}`);
  assert.ok(gpa >= SYSTEM_AREA_START && gpa + table.length <= SYSTEM_AREA_END);
  return table;
}

/** Tables by signature, as the XSDT and the FADT lead to them. */
function tables(memory: GuestMemory): Map<string, { gpa: number; bytes: Uint8Array }> {
  const xsdtGpa = Number(memory.readU64(RSDP_GPA + 24));
  const xsdt = tableAt(memory, xsdtGpa);
  assert.equal(text(xsdt.subarray(0, 4)), "XSDT");
  const gpas = Array.from({ length: (xsdt.length - 36) / 8 }, (_, i) =>
    Number(memory.readU64(xsdtGpa + 36 + i * 8)),
  );
  const found = new Map(
    gpas.map((gpa) => [text(memory.slice(gpa, 4)), { gpa, bytes: tableAt(memory, gpa) }]),
  );
  const dsdtGpa = Number(memory.readU64((found.get("FACP")?.gpa ?? 0) + 140));
  return found.set(text(memory.slice(dsdtGpa, 4)), { gpa: dsdtGpa, bytes: tableAt(memory, dsdtGpa) });
}

describe("ACPI tables", () => {
  test("the RSDP has both checksums and leads to all tables", () => {
    const memory = write();
    const rsdp = memory.slice(RSDP_GPA, 36);
    assert.equal(text(rsdp.subarray(0, 8)), "RSD PTR ");
    assert.deepEqual([sum(rsdp.subarray(0, 20)), sum(rsdp), rsdp[15]], [0, 0, 2]);
    assert.deepEqual([...tables(memory).keys()].sort(), ["APIC", "DSDT", "FACP"]);
  });

  test("FADT: hardware-reduced, with sleep and reset ports", () => {
    const fadt = tables(write()).get("FACP")?.bytes ?? new Uint8Array(276);
    const view = new DataView(fadt.buffer, fadt.byteOffset, fadt.length);
    assert.equal(fadt.length, 276);
    assert.deepEqual([fadt[8], fadt[131]], [6, 5]);
    assert.equal(view.getUint32(112, true), (1 << 20) | (1 << 10) | (1 << 5) | (1 << 4) | 1);
    assert.equal(view.getUint16(109, true), 0b10_0110);
    const ports = { reset: 116, sleepControl: 244, sleepStatus: 256 };
    const addresses = Object.values(ports).map((at) => [
      ...fadt.subarray(at, at + 4),
      Number(view.getBigUint64(at + 4, true)),
    ]);
    assert.deepEqual(addresses, [
      [1, 8, 0, 1, 0x602],
      [1, 8, 0, 1, 0x600],
      [1, 8, 0, 1, 0x601],
    ]);
    assert.equal(fadt[128], 1);
  });

  test("MADT: one I/O APIC, one enabled local APIC a vCPU", () => {
    const madt = tables(write(3)).get("APIC")?.bytes ?? new Uint8Array();
    const entries = [...madt.subarray(44)];
    assert.deepEqual([...madt.subarray(36, 44)], [0, 0, 0xe0, 0xfe, 0, 0, 0, 0]);
    assert.deepEqual(entries.slice(0, 12), [1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]);
    assert.deepEqual(
      entries.slice(12),
      [0, 1, 2].flatMap((id) => [0, 8, id, id, 1, 0, 0, 0]),
    );
  });

  test("DSDT: as reviewed", () => {
    const bytes = [...buildDsdt({ virtio, generationId })].map((byte) => byte.toString(16).padStart(2, "0"));
    const lines = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) =>
      bytes.slice(i * 16, i * 16 + 16).join(" "),
    );
    const dump = `${lines.join("\n")}\n`;
    if (process.env.HEARTH_UPDATE_GOLDEN) writeFileSync(GOLDEN, dump);
    assert.equal(dump, readFileSync(GOLDEN, "utf8"));
  });

  test("all the devices a board can have fit", () => {
    const memory = new GuestMemory(new ArrayBuffer(RAM_BYTES), 0, RAM_BYTES);
    const many = Array.from({ length: 18 }, (_, i) => ({
      gpa: 0xc000_1000 + i * 0x1000,
      sizeBytes: 0x1000,
      gsi: 5 + i,
    }));
    writeAcpiTables(memory, {
      firstGpa: SYSTEM_AREA_START + 924,
      vcpuCount: 32,
      virtio: many,
      generationId: { gpa: SYSTEM_AREA_END - 16, gsi: 23 },
    });
    assert.equal(tables(memory).size, 3);
  });

  test("tables that would run into the generation id are our bug", () => {
    const memory = new GuestMemory(new ArrayBuffer(RAM_BYTES), 0, RAM_BYTES);
    const place = { gpa: SYSTEM_AREA_START + 64, gsi: 8 };
    assert.throws(
      () =>
        writeAcpiTables(memory, { firstGpa: SYSTEM_AREA_START, vcpuCount: 1, virtio, generationId: place }),
      AssertionError,
    );
  });
});
