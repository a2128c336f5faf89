// Constants, storage and #GP of the machine's model-specific registers.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MsrFile } from "./msr.ts";

describe("MSR file", () => {
  const initial: [name: string, index: number, value: bigint | undefined][] = [
    ["MTRR capabilities: 8 variable, fixed, write-combining", 0xfe, 0x508n],
    ["MTRR default type: on, write-back", 0x2ff, 0x806n],
    ["PAT", 0x277, 0x0007_0406_0007_0406n],
    ["MISC_ENABLE: fast strings", 0x1a0, 1n],
    ["microcode revision", 0x8b, 0n],
    ["AMD's hardware configuration", 0xc001_0015, undefined],
    ["SPEC_CTRL", 0x48, undefined],
    ["feature control", 0x3a, undefined],
  ];
  for (const [name, index, value] of initial) {
    test(`initial value of ${name}`, () => assert.equal(new MsrFile().read(index), value));
  }

  const writes: [name: string, index: number, value: bigint, isTaken: boolean][] = [
    ["PAT with known types", 0x277, 0x0606_0606_0606_0606n, true],
    ["PAT with reserved bits", 0x277, 0x80n, false],
    ["PAT with a reserved type", 0x277, 0x0606_0606_0206_0606n, false],
    ["fixed MTRR", 0x268, 0x0606_0606_0505_0101n, true],
    ["fixed MTRR with a reserved type", 0x268, 3n << 56n, false],
    ["variable MTRR base", 0x200, 0xc000_0006n, true],
    ["variable MTRR mask beyond the physical address", 0x201, 0x100_0000_0800n, false],
    ["MTRR capabilities", 0xfe, 0n, false],
    ["ARCH_CAPABILITIES", 0x10a, 0n, false],
    ["an unknown register", 0x1234, 0n, false],
    ["microcode revision, which is dropped", 0x8b, 5n, true],
  ];
  for (const [name, index, value, isTaken] of writes) {
    test(`write to ${name} is ${isTaken ? "taken" : "#GP"}`, () => {
      const msrs = new MsrFile();
      const before = msrs.read(index);
      assert.equal(msrs.write(index, value), isTaken);
      assert.equal(msrs.read(index), isTaken && index !== 0x8b ? value : before);
    });
  }

  test("nothing to mitigate", () => {
    const value = new MsrFile().read(0x10a) ?? 0n;
    const mustBeSet = {
      rdclNo: 0,
      ssbNo: 4,
      mdsNo: 5,
      pschangeMcNo: 6,
      taaNo: 8,
      sbdrNo: 13,
      fbsdpNo: 14,
      psdpNo: 15,
      gdsNo: 26,
      rfdsNo: 27,
      itsNo: 62,
    };
    for (const [name, bit] of Object.entries(mustBeSet)) assert.equal((value >> BigInt(bit)) & 1n, 1n, name);
    const mustBeClear = { ibrsAll: 1, rsba: 2, tsxCtrl: 7, gdsCtrl: 25, rfdsClear: 28 };
    for (const [name, bit] of Object.entries(mustBeClear))
      assert.equal((value >> BigInt(bit)) & 1n, 0n, name);
  });

  test("state survives a round trip, reset forgets", () => {
    const msrs = new MsrFile();
    msrs.write(0x200, 0x8000_0006n);
    const other = new MsrFile();
    other.restore(structuredClone(msrs.state()));
    assert.equal(other.read(0x200), 0x8000_0006n);
    other.reset();
    assert.equal(other.read(0x200), 0n);
    for (const values of [[[0x10a, 1n]], [[0x200, 1n << 63n]], [[0x200, 6]], [7]])
      assert.throws(() => other.restore({ ...msrs.state(), data: { values } }), { code: "snapshot.field" });
  });
});
