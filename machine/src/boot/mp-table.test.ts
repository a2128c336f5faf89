// The MP table as a kernel without ACPI walks it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GuestMemory } from "../memory/guest-memory.ts";
import { SYSTEM_AREA_START } from "./memory-layout.ts";
import { buildMpTable, writeMpTable } from "./mp-table.ts";

const RAM_BYTES = 0x10_0000;
const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => total + byte, 0) & 0xff;

/** Entries by type, walked by their sizes. */
function entries(table: Uint8Array): Map<number, number[][]> {
  const found = new Map<number, number[][]>();
  let offset = 44;
  while (offset < table.length) {
    const type = table[offset] as number;
    const sizeBytes = type === 0 ? 20 : 8;
    found.set(type, [...(found.get(type) ?? []), [...table.subarray(offset, offset + sizeBytes)]]);
    offset += sizeBytes;
  }
  assert.equal(offset, table.length);
  return found;
}

describe("MP table", () => {
  test("the floating pointer is where kernels look and leads to the table", () => {
    const memory = new GuestMemory(new ArrayBuffer(RAM_BYTES), 0, RAM_BYTES);
    const end = writeMpTable(memory, 1);
    const pointer = memory.slice(SYSTEM_AREA_START, 16);
    assert.equal(new TextDecoder().decode(pointer.subarray(0, 4)), "_MP_");
    assert.equal(sum(pointer), 0);
    const tableGpa = memory.readU32(SYSTEM_AREA_START + 4);
    const table = memory.slice(tableGpa, memory.readU16(tableGpa + 4));
    assert.equal(new TextDecoder().decode(table.subarray(0, 4)), "PCMP");
    assert.equal(sum(table), 0);
    assert.equal(tableGpa + table.length, end);
  });

  for (const vcpuCount of [1, 32]) {
    test(`entries of ${vcpuCount} vCPUs`, () => {
      const table = buildMpTable(vcpuCount);
      const found = entries(table);
      assert.deepEqual(
        [0, 1, 2, 3, 4].map((type) => found.get(type)?.length),
        [vcpuCount, 1, 1, 24, 2],
      );
      assert.equal(new DataView(table.buffer).getUint16(34, true), vcpuCount + 28);
      assert.deepEqual(
        found.get(0)?.map((entry) => entry.slice(1, 4)),
        Array.from({ length: vcpuCount }, (_, id) => [id, 0x14, id === 0 ? 3 : 1]),
      );
      assert.deepEqual(found.get(2)?.[0], [2, vcpuCount + 1, 0x11, 1, 0, 0, 0xc0, 0xfe]);
      assert.deepEqual(found.get(3)?.[7], [3, 0, 0, 0, 0, 7, vcpuCount + 1, 7]);
    });
  }
});
