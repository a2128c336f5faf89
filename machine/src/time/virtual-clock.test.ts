// Guest time against a host clock that the test moves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FAKE_EPOCH_NS, FakeTime } from "@hearth/testkit/fake-time";
import { VirtualClock } from "./virtual-clock.ts";

test("guest time stands still until resumed and while paused", () => {
  const host = new FakeTime();
  host.ns = 5000;
  const clock = new VirtualClock(host, 100);
  host.advance(50);
  assert.equal(clock.nowNs(), 100);
  clock.resume();
  host.advance(10.5);
  assert.equal(clock.nowNs(), 110.5);
  clock.pause();
  clock.pause();
  host.advance(1e9);
  assert.equal(clock.nowNs(), 110.5);
  assert.equal(clock.isRunning, false);
  clock.resume();
  clock.resume();
  host.advance(1);
  assert.equal(clock.nowNs(), 111.5);
});

test("the wall clock of power-on moves by the time spent paused", () => {
  const host = new FakeTime();
  const clock = new VirtualClock(host);
  clock.resume();
  host.advance(1000);
  assert.equal(clock.bootWallClockNs(), FAKE_EPOCH_NS);
  clock.pause();
  host.advance(500);
  assert.equal(clock.bootWallClockNs(), FAKE_EPOCH_NS + 500n);
});
