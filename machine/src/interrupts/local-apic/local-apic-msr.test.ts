// The local APIC's model-specific registers: mode changes, x2APIC access, and everything that is #GP.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { FakeTime } from "@hearth/testkit/fake-time";
import { TimerQueue } from "../../time/timer-queue.ts";
import { VirtualClock } from "../../time/virtual-clock.ts";
import { LocalApic } from "./local-apic.ts";
import { isApicMsr, readApicMsr, writeApicMsr } from "./local-apic-msr.ts";
import { LocalApicPage } from "./local-apic-page.ts";
import { APIC_BASE_MSR } from "./local-apic-registers.ts";

let apic: LocalApic;
let page: LocalApicPage;

beforeEach(() => {
  const host = {
    setInterruptRequest: () => {},
    requestNmi: () => {},
    requestInit: () => {},
    requestStartUp: () => {},
    sendIpi: () => {},
    broadcastEoi: () => {},
    acknowledgeExternal: () => 0x08,
  };
  const clock = new VirtualClock(new FakeTime());
  apic = new LocalApic({
    id: 0,
    isBootProcessor: true,
    clock,
    timers: new TimerQueue(),
    tscFrequencyHz: 1e9,
    host,
  });
  page = new LocalApicPage(apic);
  page.writeRegister(0xf0, 0x1ff, 0xffff_ffff);
});

function enterX2(): void {
  assert.equal(writeApicMsr(apic, APIC_BASE_MSR, 0xfee0_0d00n), true);
}

describe("APIC base register", () => {
  const transitions: [name: string, from: bigint[], to: bigint, isAllowed: boolean][] = [
    ["xAPIC to x2APIC", [], 0xfee0_0d00n, true],
    ["x2APIC back to xAPIC", [0xfee0_0d00n], 0xfee0_0900n, false],
    ["x2APIC to off", [0xfee0_0d00n], 0xfee0_0100n, true],
    ["off to x2APIC", [0xfee0_0100n], 0xfee0_0d00n, false],
    ["off to xAPIC", [0xfee0_0100n], 0xfee0_0900n, true],
    ["x2APIC without enable", [], 0xfee0_0500n, false],
    ["moving the page", [], 0xfed0_0900n, false],
    ["reserved bits", [], 0xfee0_0901n, false],
    ["reserved high bits", [], 0x100_fee0_0900n, false],
  ];
  for (const [name, from, to, isAllowed] of transitions) {
    test(`${name} ${isAllowed ? "works" : "is #GP"}`, () => {
      for (const value of from) writeApicMsr(apic, APIC_BASE_MSR, value);
      assert.equal(writeApicMsr(apic, APIC_BASE_MSR, to), isAllowed);
    });
  }

  test("switched off by the base register it hears nothing", () => {
    writeApicMsr(apic, APIC_BASE_MSR, 0xfee0_0100n);
    assert.equal(apic.isAddressedBy(0, false), false);
    assert.equal(page.readRegister(0x30), 0);
    apic.setExternalLine(true);
    assert.equal(apic.acknowledge(), 0x08);
  });
});

describe("x2APIC registers", () => {
  test("the page is dead, registers are MSRs; before it is the other way round", () => {
    assert.equal(readApicMsr(apic, 0x803), undefined);
    enterX2();
    assert.equal(page.readRegister(0x30), 0);
    assert.equal(readApicMsr(apic, 0x803), 0x0005_0014n);
    assert.equal(readApicMsr(apic, 0x802), 0n);
    assert.equal(readApicMsr(apic, 0x80d), 1n);
    assert.equal(readApicMsr(apic, 0x80f), 0x1ffn);
  });

  test("what is #GP", () => {
    enterX2();
    for (const index of [0x800, 0x80b, 0x80e, 0x831, 0x83f, 0x8ff])
      assert.equal(readApicMsr(apic, index), undefined);
    const writes: [number, bigint][] = [
      [0x802, 0n],
      [0x803, 0n],
      [0x80a, 0n],
      [0x80b, 1n],
      [0x80d, 1n],
      [0x808, 0x100n],
      [0x808, 0x1_0000_0000n],
      [0x810, 0n],
      [0x828, 1n],
      [0x832, 0x8_0000n],
      [0x83f, 0x100n],
      [0x83e, 0x10n],
    ];
    for (const [index, value] of writes)
      assert.equal(writeApicMsr(apic, index, value), false, index.toString(16));
    assert.equal(writeApicMsr(apic, 0x80b, 0n), true);
    assert.equal(writeApicMsr(apic, 0x808, 0x20n), true);
    assert.equal(writeApicMsr(apic, 0x828, 0n), true);
  });

  test("which MSRs are the APIC's", () => {
    assert.deepEqual([0x1b, 0x6e0, 0x800, 0x8ff].map(isApicMsr), [true, true, true, true]);
    assert.deepEqual([0x1a, 0x1c, 0x6df, 0x7ff, 0x900].map(isApicMsr), [false, false, false, false, false]);
  });
});
