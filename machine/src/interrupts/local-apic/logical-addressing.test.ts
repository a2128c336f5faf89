// Matching of logical destinations (Intel SDM vol. 3A, 11.6.2.2, 11.12.10).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { matchesX2apicLogical, matchesXapicLogical, x2apicLogicalId } from "./logical-addressing.ts";

const FLAT = 0xffff_ffff;
const CLUSTER = 0x0fff_ffff;

describe("logical destinations", () => {
  const xapic: [name: string, destination: number, own: number, format: number, expected: boolean][] = [
    ["flat: one of several", 0x06, 0x0400_0000, FLAT, true],
    ["flat: not named", 0x0b, 0x0400_0000, FLAT, false],
    ["flat: all", 0xff, 0x8000_0000, FLAT, true],
    ["flat: without an id", 0xff, 0, FLAT, false],
    ["cluster: member", 0x26, 0x2400_0000, CLUSTER, true],
    ["cluster: other member", 0x22, 0x2400_0000, CLUSTER, false],
    ["cluster: other cluster", 0x36, 0x2400_0000, CLUSTER, false],
    ["cluster: all", 0xff, 0x2400_0000, CLUSTER, true],
  ];
  for (const [name, destination, own, format, expected] of xapic) {
    test(name, () => assert.equal(matchesXapicLogical(destination, own, format), expected));
  }

  test("x2APIC ids are cluster and member", () => {
    assert.deepEqual([0, 5, 15, 16, 31].map(x2apicLogicalId), [1, 0x20, 0x8000, 0x1_0001, 0x1_8000]);
    assert.equal(matchesX2apicLogical(0x1_8001, x2apicLogicalId(16)), true);
    assert.equal(matchesX2apicLogical(0x1_8000, x2apicLogicalId(16)), false);
    assert.equal(matchesX2apicLogical(0x1, x2apicLogicalId(16)), false);
  });
});
