// Which writes end the machine and which do not.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AcpiPower } from "./acpi-power.ts";

describe("ACPI power registers", () => {
  const cases: [name: string, offset: number, value: number, expected: string[]][] = [
    ["S5 with enable", 0, 0x34, ["power-off"]],
    ["S5 with enable and reserved bits", 0, 0xf7, ["power-off"]],
    ["S5 without enable", 0, 0x14, []],
    ["another sleep type", 0, 0x24, []],
    ["wake status", 1, 0x80, []],
    ["S5 to the wrong register", 1, 0x34, []],
    ["reset value", 2, 1, ["reset"]],
    ["another value to the reset register", 2, 0x34, []],
  ];
  for (const [name, offset, value, expected] of cases) {
    test(name, () => {
      const log: string[] = [];
      const device = new AcpiPower({
        onPowerOff: () => log.push("power-off"),
        onReset: () => log.push("reset"),
      });
      device.writeRegister(offset, value);
      assert.deepEqual(log, expected);
      assert.equal(device.readRegister(offset), 0);
    });
  }
});
