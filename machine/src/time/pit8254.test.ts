// The interval timer as a guest programs it: the tick on interrupt 0, counting, latching, and port 0x61.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { FakeTime } from "@hearth/testkit/fake-time";
import { RecordingLine } from "@hearth/testkit/recording-line";
import { HearthError } from "../errors.ts";
import { Pit8254 } from "./pit8254.ts";
import { PIT_FREQUENCY_HZ } from "./pit-channel.ts";
import { TimerQueue } from "./timer-queue.ts";
import { VirtualClock } from "./virtual-clock.ts";

const NS_PER_TICK = 1e9 / PIT_FREQUENCY_HZ;
const CONTROL = 3;

let host: FakeTime;
let timers: TimerQueue;
let line: RecordingLine;
let pit: Pit8254;
let clock: VirtualClock;

beforeEach(() => {
  host = new FakeTime();
  clock = new VirtualClock(host);
  clock.resume();
  timers = new TimerQueue();
  line = new RecordingLine();
  pit = new Pit8254(clock, timers, line);
});

function program(channel: number, mode: number, count: number): void {
  pit.writeRegister(CONTROL, (channel << 6) | 0x30 | (mode << 1));
  pit.writeRegister(channel, count & 0xff);
  pit.writeRegister(channel, count >>> 8);
}

/** Moves time to `ticks` after now, firing timers as the machine would. */
function wait(ticks: number): void {
  const end = host.ns + ticks * NS_PER_TICK;
  while (timers.nextDeadlineNs() <= end) {
    host.ns = timers.nextDeadlineNs();
    timers.runDue(clock.nowNs());
  }
  host.ns = end;
}

function readCount(channel: number): number {
  pit.writeRegister(CONTROL, channel << 6);
  return pit.readRegister(channel) | (pit.readRegister(channel) << 8);
}

describe("8254", () => {
  for (const mode of [2, 3]) {
    test(`mode ${mode}: channel 0 interrupts once a period`, () => {
      program(0, mode, 11932);
      wait(11932 * 10 + 5);
      assert.equal(line.takeEdges(), 10);
    });
  }

  test("mode 0: one interrupt, at the terminal count", () => {
    program(0, 0, 1000);
    wait(999);
    assert.equal(line.takeEdges(), 0);
    wait(2);
    assert.equal(line.takeEdges(), 1);
    wait(100_000);
    assert.equal(line.takeEdges(), 0);
  });

  test("a late machine gets one interrupt, not a storm", () => {
    program(0, 2, 1000);
    host.advance(1e9);
    timers.runDue(clock.nowNs());
    assert.equal(line.takeEdges(), 1);
    assert.ok(timers.nextDeadlineNs() > clock.nowNs());
  });

  test("a count of 0 means 65536", () => {
    program(0, 2, 0);
    wait(65535.5);
    assert.equal(line.takeEdges(), 0);
    wait(1);
    assert.equal(line.takeEdges(), 1);
  });

  test("reprogramming stops the old period", () => {
    program(0, 2, 1000);
    pit.writeRegister(CONTROL, 0x30);
    wait(5000);
    assert.equal(line.takeEdges(), 0);
  });

  test("the count runs down, a latched count stands still", () => {
    program(2, 0, 5000);
    pit.controlPort.writeRegister(0, 1);
    wait(100.5);
    assert.equal(readCount(2), 4900);
    pit.writeRegister(CONTROL, 2 << 6);
    wait(100);
    assert.equal(pit.readRegister(2) | (pit.readRegister(2) << 8), 4900);
    assert.equal(readCount(2), 4800);
  });

  test("port 0x61: gate starts channel 2, bit 5 shows its end, which calibration loops poll", () => {
    program(2, 0, 11932);
    pit.controlPort.writeRegister(0, 1);
    assert.equal(pit.controlPort.readRegister(0) & 0x21, 0x01);
    wait(11931);
    assert.equal(pit.controlPort.readRegister(0) & 0x20, 0);
    wait(2);
    assert.equal(pit.controlPort.readRegister(0) & 0x20, 0x20);
  });

  test("port 0x61: the refresh bit toggles", () => {
    const bits = Array.from({ length: 4 }, () => {
      host.advance(15_085);
      return pit.controlPort.readRegister(0) & 0x10;
    });
    assert.deepEqual(bits, [0x10, 0, 0x10, 0]);
  });

  test("read-back latches status and count", () => {
    program(0, 2, 0x1234);
    pit.writeRegister(CONTROL, 0xc2);
    assert.equal(pit.readRegister(0), 0xb4);
    assert.equal(pit.readRegister(0) | (pit.readRegister(0) << 8), 0x1234);
  });

  test("state survives a round trip; nonsense is refused", () => {
    program(0, 2, 1000);
    wait(500);
    const saved = structuredClone(pit.state());
    const other = new Pit8254(clock, timers, line);
    pit.reset();
    other.restore(saved);
    wait(501);
    assert.equal(line.takeEdges(), 1);
    assert.deepEqual(other.state(), saved);
    assert.throws(() => other.restore({ ...saved, version: 99 }), HearthError);
  });
});
