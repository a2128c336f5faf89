// The paravirtual clock: what stands in the guest's page, and addresses a hostile guest gives.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { FAKE_EPOCH_NS, FakeTime } from "@hearth/testkit/fake-time";
import { GuestMemory } from "../memory/guest-memory.ts";
import { KvmClock, KvmClockMsr, tscScale } from "./kvm-clock.ts";
import { VirtualClock } from "./virtual-clock.ts";

const RAM_BYTES = 0x10_0000;
const PAGE = 0x5000;

let host: FakeTime;
let memory: GuestMemory;
let clock: VirtualClock;

beforeEach(() => {
  host = new FakeTime();
  clock = new VirtualClock(host);
  clock.resume();
  memory = new GuestMemory(new ArrayBuffer(RAM_BYTES), 0, RAM_BYTES);
});

/** What a guest computes (pvclock_clocksource_read). */
function guestNs(tsc: bigint): bigint {
  const delta = tsc - memory.readU64(PAGE + 8);
  const shift = (memory.readU8(PAGE + 28) << 24) >> 24;
  const shifted = shift >= 0 ? delta << BigInt(shift) : delta >> BigInt(-shift);
  return memory.readU64(PAGE + 16) + ((shifted * BigInt(memory.readU32(PAGE + 24))) >> 32n);
}

describe("kvm-clock", () => {
  for (const frequencyHz of [1e9, 2e9, 3.2e9, 2_893_437_000, 25e6, 123_456_789]) {
    test(`a guest computes the right time with a TSC of ${frequencyHz / 1e6} MHz`, () => {
      const kvm = new KvmClock(memory, clock, frequencyHz);
      host.ns = 7_000_000_123;
      assert.equal(kvm.writeMsr(KvmClockMsr.SystemTime, BigInt(PAGE) | 1n), true);
      for (const laterNs of [0, 1000, 1e6, 3600e9]) {
        const nowNs = host.ns + laterNs;
        const tsc = BigInt(Math.floor((nowNs / 1e9) * frequencyHz));
        const error = Math.abs(Number(guestNs(tsc)) - nowNs);
        assert.ok(error <= 100 + laterNs * 1e-9, `${error} ns off after ${laterNs} ns`);
      }
      const { mul } = tscScale(frequencyHz);
      assert.ok(mul >= 2 ** 31 && mul < 2 ** 32, "mul uses its full precision");
    });
  }

  test("one tick a nanosecond is exact", () => {
    assert.deepEqual(tscScale(1e9), { mul: 0x8000_0000, shift: 1 });
  });

  test("version is even and moves, flags say stable", () => {
    const kvm = new KvmClock(memory, clock, 1e9);
    kvm.writeMsr(KvmClockMsr.SystemTimeOld, BigInt(PAGE) | 1n);
    const first = memory.readU32(PAGE);
    kvm.update();
    assert.equal(first % 2, 0);
    assert.ok(memory.readU32(PAGE) > first);
    assert.equal(memory.readU8(PAGE + 29), 1);
    assert.equal(kvm.readMsr(KvmClockMsr.SystemTime), BigInt(PAGE) | 1n);
  });

  test("the wall clock is that of power-on", () => {
    const kvm = new KvmClock(memory, clock, 1e9);
    host.ns = 42_000_000_000;
    kvm.writeMsr(KvmClockMsr.WallClock, BigInt(PAGE));
    assert.equal(memory.readU32(PAGE) % 2, 0);
    assert.equal(
      BigInt(memory.readU32(PAGE + 4)) * 1_000_000_000n + BigInt(memory.readU32(PAGE + 8)),
      FAKE_EPOCH_NS,
    );
  });

  const badAddresses = [
    ["just past the end of RAM", BigInt(RAM_BYTES)],
    ["over the end of RAM", BigInt(RAM_BYTES - 8)],
    ["in the device hole", 0xfee0_0000n],
    ["not aligned", 0x5002n],
    ["beyond any address", 0xffff_ffff_ffff_fff0n],
  ] as const;
  for (const [name, gpa] of badAddresses) {
    test(`a page ${name} is ignored and counted`, () => {
      const kvm = new KvmClock(memory, clock, 1e9);
      assert.equal(kvm.writeMsr(KvmClockMsr.SystemTime, gpa | 1n), true);
      assert.equal(kvm.writeMsr(KvmClockMsr.WallClock, gpa), true);
      assert.equal(kvm.refusedPages, 2);
      assert.ok(memory.bytes.every((byte) => byte === 0));
    });
  }

  test("without the enable bit nothing is written", () => {
    const kvm = new KvmClock(memory, clock, 1e9);
    kvm.writeMsr(KvmClockMsr.SystemTime, BigInt(PAGE));
    assert.equal(memory.readU32(PAGE), 0);
  });

  test("the processor is told what was written behind its back", () => {
    const written: [number, number][] = [];
    memory.onDeviceWrite = (offset, sizeBytes) => written.push([offset, sizeBytes]);
    const kvm = new KvmClock(memory, clock, 1e9);
    kvm.writeMsr(KvmClockMsr.SystemTime, BigInt(PAGE) | 1n);
    kvm.writeMsr(KvmClockMsr.WallClock, BigInt(PAGE + 64));
    assert.deepEqual(written, [
      [PAGE, 32],
      [PAGE + 64, 12],
    ]);
  });

  test("other registers are not ours: no asynchronous page faults, no steal time", () => {
    const kvm = new KvmClock(memory, clock, 1e9);
    for (const index of [0x10, 0x4b56_4d02, 0x4b56_4d03, 0x4b56_4d04]) {
      assert.equal(kvm.readMsr(index), undefined);
      assert.equal(kvm.writeMsr(index, 0n), false);
    }
  });

  test("state survives a round trip", () => {
    const kvm = new KvmClock(memory, clock, 1e9);
    kvm.writeMsr(KvmClockMsr.SystemTime, BigInt(PAGE) | 1n);
    const other = new KvmClock(memory, clock, 1e9);
    other.restore(structuredClone(kvm.state()));
    const before = memory.readU32(PAGE);
    other.update();
    assert.ok(memory.readU32(PAGE) > before);
  });
});
