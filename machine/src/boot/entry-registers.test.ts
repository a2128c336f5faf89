// Encoding of segment descriptors (Intel SDM vol. 3A, figure 3-8). The entry states are checked in load-kernel.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptor } from "./entry-registers.ts";

const cases: [name: string, limit: number, attributes: number, expected: bigint][] = [
  ["64-bit code", 0xffff_ffff, 0xa09b, 0x00af_9b00_0000_ffffn],
  ["32-bit code", 0xffff_ffff, 0xc09b, 0x00cf_9b00_0000_ffffn],
  ["TSS, in bytes", 0x67, 0x008b, 0x0000_8b00_0000_0067n],
  ["a limit over 64 KiB, in bytes", 0xa_bcde, 0x0093, 0x000a_9300_0000_bcden],
];
for (const [name, limit, attributes, expected] of cases) {
  test(name, () => assert.equal(descriptor(limit, attributes), expected));
}
