// The entropy device under a hostile guest, and proof that the fuzz would notice a hole.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FuzzFailure } from "@hearth/testkit/fuzz";
import type { Prng } from "@hearth/testkit/prng";
import { type FuzzSubject, fuzzDevice } from "@hearth/testkit/virtio/fuzz-device";
import type { RequestShape } from "@hearth/testkit/virtio/hostile-guest";
import { LeakyMemory } from "@hearth/testkit/virtio/guarded-memory";
import type { VirtioRig } from "@hearth/testkit/virtio/rig";
import { RngDevice } from "./rng-device.ts";

function makeSubject(): FuzzSubject {
  return { device: new RngDevice((target) => target.fill(0x5a)), guest: { makeRequest }, proveAlive };
}

function makeRequest(prng: Prng): RequestShape {
  return { readable: new Uint8Array(0), writableBytes: prng.oneIn(5) ? 60_000 : prng.below(100) };
}

function proveAlive({ driver }: VirtioRig): void {
  const [queue] = driver.start({ size: 8 });
  const buffer = driver.arena.writable(16);
  queue!.offer(buffer);
  driver.notify(0);
  assert.deepEqual(queue!.takeUsed(), [{ head: 0, writtenBytes: 16 }]);
  assert.deepEqual(driver.arena.contentOf(buffer), new Uint8Array(16).fill(0x5a));
}

test("a hostile guest", (t) => fuzzDevice(t, makeSubject));

test("the fuzz finds a missing bounds check", (t) => {
  const makeMemory = (ramBytes: number) => new LeakyMemory(ramBytes);
  assert.throws(() => fuzzDevice(t, makeSubject, { makeMemory }), FuzzFailure);
});
