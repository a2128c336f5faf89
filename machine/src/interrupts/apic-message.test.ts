// Decoding of MSI address and data (Intel SDM vol. 3A, 11.11).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeliveryMode, decodeMsi } from "./apic-message.ts";

describe("MSI", () => {
  const fixed = {
    vector: 0x41,
    deliveryMode: DeliveryMode.Fixed,
    destination: 0,
    isLogical: false,
    isLevel: false,
  };
  const cases: [name: string, address: number, data: number, expected: object][] = [
    ["fixed to APIC 0", 0xfee0_0000, 0x41, fixed],
    ["to APIC 7", 0xfee0_7000, 0x41, { ...fixed, destination: 7 }],
    ["logical", 0xfee0_3004, 0x41, { ...fixed, destination: 3, isLogical: true }],
    [
      "lowest priority",
      0xfeef_f00c,
      0x141,
      { ...fixed, destination: 0xff, isLogical: true, deliveryMode: 1 },
    ],
    ["level", 0xfee0_0000, 0xc041, { ...fixed, isLevel: true }],
  ];
  for (const [name, address, data, expected] of cases) {
    test(name, () => assert.deepEqual(decodeMsi(address, data), expected));
  }

  for (const address of [0, 0xfedf_ffff, 0xfef0_0000, 0x1_fee0_0000, -1]) {
    test(`address 0x${address.toString(16)} is no MSI`, () =>
      assert.equal(decodeMsi(address, 0x41), undefined));
  }
});
