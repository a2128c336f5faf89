// RAM regions around the device hole, bounds, accessors.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AssertionError, HearthError } from "../errors.ts";
import { GuestMemory, MMIO_HOLE_END, MMIO_HOLE_START, PAGE_SIZE } from "./guest-memory.ts";

const RAM_BYTES = 16 * PAGE_SIZE;
const small = (): GuestMemory =>
  new GuestMemory(new ArrayBuffer(RAM_BYTES + PAGE_SIZE), PAGE_SIZE, RAM_BYTES);

describe("guest memory", () => {
  const bounds: [gpa: number, sizeBytes: number, isInside: boolean][] = [
    [0, 0, true],
    [0, RAM_BYTES, true],
    [0, RAM_BYTES + 1, false],
    [RAM_BYTES - 1, 1, true],
    [RAM_BYTES - 1, 2, false],
    [RAM_BYTES, 1, false],
    [-1, 1, false],
    [0, -1, false],
    [2 ** 52, 4, false],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, false],
    [Number.NaN, 1, false],
  ];
  for (const [gpa, sizeBytes, isInside] of bounds) {
    test(`${gpa}+${sizeBytes} is ${isInside ? "" : "not "}RAM`, () =>
      assert.equal(small().contains(gpa, sizeBytes), isInside));
  }

  test("RAM beyond 3 GiB continues above 4 GiB, with nothing in between", () => {
    const ramBytes = MMIO_HOLE_START + PAGE_SIZE;
    // A buffer that large is not needed to look at the map.
    const buffer = { byteLength: ramBytes } as ArrayBuffer;
    const regions = regionsOf(buffer, ramBytes);
    assert.deepEqual(regions, [
      { gpa: 0, sizeBytes: MMIO_HOLE_START, offset: 0 },
      { gpa: MMIO_HOLE_END, sizeBytes: PAGE_SIZE, offset: MMIO_HOLE_START },
    ]);
  });

  test("accessors are little-endian and land at the offset in the buffer", () => {
    const memory = small();
    memory.writeU64(8, 0x8877_6655_4433_2211n);
    assert.deepEqual([memory.readU8(8), memory.readU16(9), memory.readU32(12)], [0x11, 0x3322, 0x8877_6655]);
    assert.equal(new Uint8Array(memory.buffer)[PAGE_SIZE + 8], 0x11);
    memory.write(100, Uint8Array.of(1, 2));
    memory.slice(101, 1)[0] = 9;
    assert.equal(memory.readU16(100), 0x0901);
  });

  test("our own access outside RAM is a bug", () => {
    assert.throws(() => small().readU32(RAM_BYTES - 2), AssertionError);
    assert.throws(() => small().slice(0, RAM_BYTES + 1), AssertionError);
  });

  for (const ramBytes of [0, -PAGE_SIZE, 1, PAGE_SIZE + 1]) {
    test(`${ramBytes} bytes of RAM are refused`, () => {
      assert.throws(() => new GuestMemory(new ArrayBuffer(2 * PAGE_SIZE), 0, ramBytes), HearthError);
    });
  }
});

/** The region map for `ramBytes`, without the memory. */
function regionsOf(buffer: ArrayBuffer, ramBytes: number): unknown {
  const shared = new SharedArrayBuffer(0, { maxByteLength: 0 });
  Object.defineProperty(shared, "byteLength", { value: buffer.byteLength });
  return new GuestMemory(shared, 0, ramBytes).regions;
}
