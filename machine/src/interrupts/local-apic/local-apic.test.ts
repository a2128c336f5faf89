// The local APIC through its two faces, with the test as processor and bus.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { FakeTime } from "@hearth/testkit/fake-time";
import { HearthError } from "../../errors.ts";
import { TimerQueue } from "../../time/timer-queue.ts";
import { VirtualClock } from "../../time/virtual-clock.ts";
import { type ApicMessage, DeliveryMode } from "../apic-message.ts";
import { LocalApic } from "./local-apic.ts";
import { readApicMsr, writeApicMsr } from "./local-apic-msr.ts";
import { LocalApicPage } from "./local-apic-page.ts";
import { APIC_BASE_MSR, TSC_DEADLINE_MSR } from "./local-apic-registers.ts";

const FULL = 0xffff_ffff;
const ENABLE = 0x100;
const TSC_HZ = 2e9;

let host: FakeTime;
let timers: TimerQueue;
let clock: VirtualClock;
let apic: LocalApic;
let page: LocalApicPage;
let log: string[];

const surroundings = {
  setInterruptRequest: (isPending: boolean) => void log.push(`request ${isPending}`),
  requestNmi: () => void log.push("nmi"),
  requestInit: () => void log.push("init"),
  requestStartUp: (p: number) => void log.push(`start-up ${p}`),
  sendIpi: (sourceId: number, m: ApicMessage, shorthand: number) =>
    void log.push(
      `ipi from ${sourceId}: ${m.deliveryMode}/${m.vector} to ${m.destination} ${m.isLogical ? "logical" : "physical"} short ${shorthand}`,
    ),
  broadcastEoi: (vector: number) => void log.push(`eoi ${vector}`),
  acknowledgeExternal: () => 0x08,
};

function makeApic(id = 0): LocalApic {
  return new LocalApic({
    id,
    isBootProcessor: id === 0,
    clock,
    timers,
    tscFrequencyHz: TSC_HZ,
    host: surroundings,
  });
}

beforeEach(() => {
  host = new FakeTime();
  clock = new VirtualClock(host);
  clock.resume();
  timers = new TimerQueue();
  log = [];
  apic = makeApic();
  page = new LocalApicPage(apic);
  write(0xf0, ENABLE | 0xff);
});

const write = (offset: number, value: number): void => page.writeRegister(offset, value >>> 0, FULL);
const read = (offset: number): number => page.readRegister(offset);
const fixed = (vector: number, isLevel = false): ApicMessage => ({
  vector,
  deliveryMode: 0,
  destination: 0,
  isLogical: false,
  isLevel,
});

/** Time passes and due timers fire. */
function wait(ns: number): void {
  host.advance(ns);
  timers.runDue(clock.nowNs());
}

function enterX2(): void {
  assert.equal(writeApicMsr(apic, APIC_BASE_MSR, 0xfee0_0d00n), true);
}

describe("local APIC: delivery", () => {
  test("a vector is requested, acknowledged, in service, finished", () => {
    assert.equal(apic.receive(fixed(0x41)), true);
    assert.deepEqual(log, ["request true"]);
    assert.equal(read(0x220), 1 << 1);
    assert.equal(apic.acknowledge(), 0x41);
    assert.equal(read(0x120), 1 << 1);
    assert.equal(apic.acknowledge(), -1);
    write(0xb0, 0);
    assert.equal(read(0x120), 0);
    assert.deepEqual(log, ["request true", "request false"]);
  });

  test("higher classes interrupt lower ones, the same class waits", () => {
    apic.receive(fixed(0x41));
    apic.acknowledge();
    apic.receive(fixed(0x4f));
    assert.equal(apic.acknowledge(), -1);
    apic.receive(fixed(0x51));
    assert.equal(apic.acknowledge(), 0x51);
    assert.equal(read(0xa0), 0x50);
    write(0xb0, 0);
    write(0xb0, 0);
    assert.equal(apic.acknowledge(), 0x4f);
  });

  test("the task priority holds classes up to its own", () => {
    write(0x80, 0x45);
    apic.receive(fixed(0x4f));
    assert.equal(apic.isRequesting, false);
    assert.equal(read(0xa0), 0x45);
    apic.setTaskPriority(0x30);
    assert.equal(apic.isRequesting, true);
  });

  test("the end of a level interrupt is told to the I/O APICs, that of an edge is not", () => {
    for (const message of [fixed(0x41, true), fixed(0x51)]) apic.receive(message);
    assert.equal(apic.acknowledge(), 0x51);
    write(0xb0, 0);
    assert.equal(apic.acknowledge(), 0x41);
    write(0xb0, 0);
    assert.deepEqual(
      log.filter((line) => line.startsWith("eoi")),
      ["eoi 65"],
    );
  });

  test("disabled by software: fixed messages are refused, LVT entries are masked, NMI still comes", () => {
    write(0x350, 0x31);
    write(0xf0, 0xff);
    assert.equal(apic.receive(fixed(0x41)), false);
    assert.equal(apic.receive({ ...fixed(0), deliveryMode: DeliveryMode.Nmi }), true);
    assert.equal(read(0x350) & 0x1_0000, 0x1_0000);
    write(0x350, 0x31);
    assert.equal(read(0x350) & 0x1_0000, 0x1_0000);
    assert.deepEqual(log, ["nmi"]);
  });

  test("an illegal vector sets the error bit, which shows after a write", () => {
    assert.equal(apic.receive(fixed(3)), false);
    assert.equal(read(0x280), 0);
    write(0x280, 0);
    assert.equal(read(0x280), 0x40);
    write(0x280, 0);
    assert.equal(read(0x280), 0);
  });

  test("errors interrupt once through their LVT entry", () => {
    write(0x370, 0x61);
    apic.receive(fixed(3));
    apic.receive(fixed(4));
    assert.equal(apic.acknowledge(), 0x61);
    write(0xb0, 0);
    assert.equal(apic.acknowledge(), -1);
  });

  test("the 8259 pair comes through LINT0 while that is ExtINT and unmasked", () => {
    apic.reset();
    apic.setExternalLine(true);
    assert.equal(apic.acknowledge(), 0x08);
    write(0xf0, ENABLE | 0xff);
    write(0x350, 0x1_0700);
    assert.equal(apic.isRequesting, false);
    assert.equal(apic.acknowledge(), -1);
  });
});

describe("local APIC: addressing", () => {
  const cases: [
    name: string,
    setUp: () => void,
    destination: number,
    isLogical: boolean,
    expected: boolean,
  ][] = [
    ["own id", () => {}, 0, false, true],
    ["other id", () => {}, 1, false, false],
    ["broadcast", () => {}, 0xff, false, true],
    ["flat hit", () => write(0xd0, 0x0400_0000), 0x06, true, true],
    ["flat miss", () => write(0xd0, 0x0400_0000), 0x0b, true, false],
    ["cluster hit", () => (write(0xe0, 0), write(0xd0, 0x2400_0000)), 0x26, true, true],
    ["other cluster", () => (write(0xe0, 0), write(0xd0, 0x2400_0000)), 0x36, true, false],
    ["x2APIC own logical id", enterX2, 0x0000_0001, true, true],
    ["x2APIC other member", enterX2, 0x0000_0002, true, false],
    ["x2APIC other cluster", enterX2, 0x0001_0001, true, false],
    ["x2APIC broadcast", enterX2, 0xffff_ffff, false, true],
  ];
  for (const [name, setUp, destination, isLogical, expected] of cases) {
    test(name, () => {
      setUp();
      assert.equal(apic.isAddressedBy(destination, isLogical), expected);
    });
  }
});

describe("local APIC: timer", () => {
  test("one-shot counts down once at the divided bus clock", () => {
    write(0x3e0, 0x3);
    write(0x320, 0x40);
    write(0x380, 1000);
    wait(8000);
    assert.equal(read(0x390), 500);
    assert.equal(apic.isRequesting, false);
    wait(8000);
    assert.equal(apic.acknowledge(), 0x40);
    assert.equal(read(0x390), 0);
    wait(1e6);
    write(0xb0, 0);
    assert.equal(apic.isRequesting, false);
  });

  test("periodic comes again; missed periods are lost", () => {
    write(0x3e0, 0xb);
    write(0x320, 0x2_0040);
    write(0x380, 1000);
    for (let i = 0; i < 3; i++) {
      wait(1000);
      assert.equal(apic.acknowledge(), 0x40, `period ${i}`);
      write(0xb0, 0);
    }
    wait(1e9);
    assert.equal(apic.acknowledge(), 0x40);
    assert.ok(timers.nextDeadlineNs() > clock.nowNs());
  });

  test("a masked timer expires in silence", () => {
    write(0x320, 0x1_0040);
    write(0x380, 100);
    wait(1000);
    assert.equal(apic.isRequesting, false);
  });

  test("TSC deadline: fires when the TSC is there, reads 0 afterwards", () => {
    write(0x320, 0x4_0040);
    assert.equal(writeApicMsr(apic, TSC_DEADLINE_MSR, 2_000_001n), true);
    assert.equal(readApicMsr(apic, TSC_DEADLINE_MSR), 2_000_001n);
    wait(1_000_000);
    assert.equal(apic.isRequesting, false);
    wait(1);
    assert.equal(apic.acknowledge(), 0x40);
    assert.equal(readApicMsr(apic, TSC_DEADLINE_MSR), 0n);
  });

  test("TSC deadline in the past fires at once, 0 disarms, other modes ignore it", () => {
    host.ns = 1e6;
    writeApicMsr(apic, TSC_DEADLINE_MSR, 1n);
    assert.equal(apic.isRequesting, false);
    write(0x320, 0x4_0040);
    writeApicMsr(apic, TSC_DEADLINE_MSR, 1n);
    assert.equal(apic.acknowledge(), 0x40);
    write(0xb0, 0);
    writeApicMsr(apic, TSC_DEADLINE_MSR, 4_000_000n);
    writeApicMsr(apic, TSC_DEADLINE_MSR, 0n);
    wait(1e9);
    assert.equal(apic.isRequesting, false);
  });

  test("leaving deadline mode disarms", () => {
    write(0x320, 0x4_0040);
    writeApicMsr(apic, TSC_DEADLINE_MSR, 2_000_000n);
    write(0x320, 0x40);
    wait(1e9);
    assert.equal(apic.isRequesting, false);
  });

  test("the largest values a guest can write are only far away", () => {
    write(0x320, 0x4_0040);
    writeApicMsr(apic, TSC_DEADLINE_MSR, 0xffff_ffff_ffff_ffffn);
    write(0x320, 0x2_0040);
    write(0x3e0, 0xa);
    write(0x380, FULL);
    assert.ok(timers.nextDeadlineNs() > clock.nowNs());
    wait(1000);
    assert.equal(apic.isRequesting, false);
  });
});

describe("local APIC: inter-processor interrupts", () => {
  const cases: [name: string, high: number, low: number, expected: string[]][] = [
    ["fixed, physical", 0x0300_0000, 0x4041, ["ipi from 0: 0/65 to 3 physical short 0"]],
    ["logical", 0x0300_0000, 0x4841, ["ipi from 0: 0/65 to 3 logical short 0"]],
    ["self", 0, 0x4_4041, ["ipi from 0: 0/65 to 0 physical short 1"]],
    ["all but self", 0, 0xc_4041, ["ipi from 0: 0/65 to 0 physical short 3"]],
    ["INIT", 0x0100_0000, 0x4500, ["ipi from 0: 5/0 to 1 physical short 0"]],
    ["INIT de-assert is nothing", 0x0100_0000, 0x8500, []],
    ["start-up", 0x0100_0000, 0x4699, ["ipi from 0: 6/153 to 1 physical short 0"]],
    ["an illegal vector is an error", 0, 0x4005, []],
  ];
  for (const [name, high, low, expected] of cases) {
    test(name, () => {
      write(0x310, high);
      write(0x300, low);
      assert.deepEqual(log, expected);
    });
  }

  test("x2APIC sends with one write, and to itself with a short one", () => {
    enterX2();
    assert.equal(writeApicMsr(apic, 0x830, 0x0000_0002_0000_4041n), true);
    assert.equal(writeApicMsr(apic, 0x83f, 0x55n), true);
    assert.deepEqual(log, [
      "ipi from 0: 0/65 to 2 physical short 0",
      "ipi from 0: 0/85 to 0 physical short 1",
    ]);
    assert.equal(readApicMsr(apic, 0x830), 0x0000_0002_0000_4041n);
  });

  test("start-up messages reach the processor", () => {
    apic.receive({ ...fixed(0), deliveryMode: DeliveryMode.Init });
    apic.receive({ ...fixed(0x99), deliveryMode: DeliveryMode.StartUp });
    assert.deepEqual(log, ["init", "start-up 153"]);
  });
});

describe("local APIC: registers", () => {
  test("after reset", () => {
    apic.reset();
    const expected: [number, number][] = [
      [0x20, 0],
      [0x30, 0x0005_0014],
      [0xd0, 0],
      [0xe0, FULL],
      [0xf0, 0xff],
      [0x320, 0x1_0000],
      [0x350, 0x700],
      [0x360, 0x400],
      [0x370, 0x1_0000],
    ];
    for (const [offset, value] of expected) assert.equal(read(offset), value, `0x${offset.toString(16)}`);
    assert.equal(readApicMsr(apic, APIC_BASE_MSR), 0xfee0_0900n);
    assert.equal(readApicMsr(makeApic(5), APIC_BASE_MSR), 0xfee0_0800n);
  });

  test("a register that does not exist is an error", () => {
    read(0x3f0);
    write(0x10, 1);
    write(0x280, 0);
    assert.equal(read(0x280), 0x80);
  });

  test("narrow and crooked writes do nothing", () => {
    page.writeRegister(0x80, 0x40, 0xff);
    page.writeRegister(0x84, 0x40, FULL);
    assert.equal(read(0x80), 0);
  });
});

describe("local APIC: state", () => {
  test("survives a round trip in the middle of things", () => {
    enterX2();
    writeApicMsr(apic, 0x832, 0x4_0040n);
    writeApicMsr(apic, TSC_DEADLINE_MSR, 2_000_000n);
    apic.receive(fixed(0x41, true));
    apic.receive(fixed(0x51));
    apic.acknowledge();
    const saved = structuredClone(apic.state());
    timers = new TimerQueue();
    log = [];
    const other = makeApic();
    other.restore(saved);
    assert.deepEqual(other.state(), saved);
    writeApicMsr(other, 0x80b, 0n);
    assert.equal(other.acknowledge(), 0x41);
    writeApicMsr(other, 0x80b, 0n);
    assert.ok(log.includes("eoi 65"));
    wait(1_000_000);
    assert.equal(other.acknowledge(), 0x40);
  });

  test("what a guest can set can be taken over: the reserved timer mode", () => {
    apic.write(0x32, 0x6_0040);
    const saved = structuredClone(apic.state());
    const other = makeApic();
    other.restore(saved);
    assert.deepEqual(other.state(), saved);
  });

  test("nonsense is refused", () => {
    const state = apic.state();
    const data = state.data as Record<string, unknown>;
    for (const change of [
      { lvt: [] },
      { spurious: -1 },
      { timer: 5 },
      { base: 2 ** 33 },
      { priorities: { kind: "x" } },
    ]) {
      assert.throws(() => makeApic().restore({ ...state, data: { ...data, ...change } }), HearthError);
    }
  });
});
