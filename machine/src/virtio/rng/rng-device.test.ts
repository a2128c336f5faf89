// The entropy device: whole buffers, the 64 KiB cap, requests that are none.

import assert from "node:assert/strict";
import { test } from "node:test";
import { plugIn } from "@hearth/testkit/virtio/rig";
import { MAX_RANDOM_BYTES, RngDevice } from "./rng-device.ts";

/** 1, 2, 3, … so that a test sees which bytes went where. */
function countingSource(): (target: Uint8Array) => void {
  let next = 0;
  return (target) => {
    for (let i = 0; i < target.length; i++) target[i] = ++next;
  };
}

test("fills every buffer of a chain with fresh bytes", () => {
  const rig = plugIn(new RngDevice(countingSource()));
  const [queue] = rig.driver.start();
  const { arena } = rig.driver;
  const buffers = [arena.writable(3), arena.writable(2)];
  const second = arena.writable(2);
  queue!.offer(...buffers);
  queue!.offer(second);
  rig.driver.notify(0);
  assert.deepEqual(
    buffers.map((buffer) => [...arena.contentOf(buffer)]),
    [
      [1, 2, 3],
      [4, 5],
    ],
  );
  assert.deepEqual([...arena.contentOf(second)], [6, 7]);
  assert.deepEqual(
    queue!.takeUsed().map((used) => used.writtenBytes),
    [5, 2],
  );
  assert.equal(rig.driver.takeInterrupts(), 1);
});

test("gives at most 64 KiB for one request and says so", () => {
  let asked = 0;
  const rig = plugIn(new RngDevice((target) => void (asked += target.length)));
  const [queue] = rig.driver.start();
  const buffer = rig.driver.arena.writable(MAX_RANDOM_BYTES + 100);
  queue!.offer(buffer);
  rig.driver.notify(0);
  assert.equal(queue!.takeUsed()[0]!.writtenBytes, MAX_RANDOM_BYTES);
  assert.equal(asked, MAX_RANDOM_BYTES);
  assert.deepEqual(
    rig.driver.arena.contentOf(buffer).subarray(MAX_RANDOM_BYTES),
    new Uint8Array(100).fill(0xee),
  );
});

test("a chain without room is given back", () => {
  const rig = plugIn(new RngDevice(countingSource()));
  const [queue] = rig.driver.start();
  queue!.offer(rig.driver.arena.readable(Uint8Array.of(9)));
  rig.driver.notify(0);
  assert.deepEqual(queue!.takeUsed(), [{ head: 0, writtenBytes: 0 }]);
});

test("buffers offered before DRIVER_OK are filled by it", () => {
  const rig = plugIn(new RngDevice(countingSource()));
  rig.driver.negotiate(1n << 32n);
  const queue = rig.driver.setUpQueue(0, 8);
  queue.offer(rig.driver.arena.writable(4));
  rig.driver.write(0x70, 0x0f);
  assert.equal(queue.takeUsed().length, 1);
});

test("state: only its own kind is taken", () => {
  const device = new RngDevice(countingSource());
  device.restore(structuredClone(device.state()), undefined);
  assert.throws(() => device.restore({ kind: "virtio-block", version: 1, data: {} }, undefined), {
    code: "snapshot.kind",
  });
});

test("after exactly a ring full of requests the driver is asked to notify about the next", () => {
  const rig = plugIn(new RngDevice(countingSource()));
  const [queue] = rig.driver.start({ size: 4 });
  for (let i = 0; i < 4; i++) queue!.offer(rig.driver.arena.writable(1));
  rig.driver.notify(0);
  assert.equal(queue!.takeUsed().length, 4);
  assert.equal(queue!.availEvent, 4);
});
