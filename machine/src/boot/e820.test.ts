// The memory map for small and large machines.

import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryMap } from "./e820.ts";

const GIB = 2 ** 30;
const low = [
  { gpa: 0, sizeBytes: 0x9_fc00, type: 1 },
  { gpa: 0x9_fc00, sizeBytes: 0x6_0400, type: 2 },
];

const cases: [ramBytes: number, rest: object[]][] = [
  [GIB / 8, [{ gpa: 0x10_0000, sizeBytes: GIB / 8 - 0x10_0000, type: 1 }]],
  [3 * GIB, [{ gpa: 0x10_0000, sizeBytes: 3 * GIB - 0x10_0000, type: 1 }]],
  [
    3.5 * GIB,
    [
      { gpa: 0x10_0000, sizeBytes: 3 * GIB - 0x10_0000, type: 1 },
      { gpa: 4 * GIB, sizeBytes: GIB / 2, type: 1 },
    ],
  ],
];
for (const [ramBytes, rest] of cases) {
  test(`${ramBytes / GIB} GiB`, () => assert.deepEqual(memoryMap(ramBytes), [...low, ...rest]));
}
