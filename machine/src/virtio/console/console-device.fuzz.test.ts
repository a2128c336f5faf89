// The console under a hostile guest, and proof that the fuzz would notice a hole.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FuzzFailure } from "@hearth/testkit/fuzz";
import { type FuzzSubject, fuzzDevice } from "@hearth/testkit/virtio/fuzz-device";
import { LeakyMemory } from "@hearth/testkit/virtio/guarded-memory";
import { ConsoleDevice, MAX_CONSOLE_INPUT_BYTES } from "./console-device.ts";

function makeSubject(): FuzzSubject {
  let output = "";
  const device = new ConsoleDevice((chunk) => {
    output = Buffer.from(chunk).toString();
  });
  return {
    device,
    guest: {
      makeRequest: (prng, queueIndex) =>
        queueIndex === 0
          ? { readable: new Uint8Array(0), writableBytes: prng.below(4096) }
          : { readable: new Uint8Array(prng.below(2000)), writableBytes: 0 },
      disturb: (prng) => {
        device.write(new Uint8Array(prng.below(3000)));
        if (prng.oneIn(3)) device.resize(prng.below(300), prng.below(100));
        if (prng.oneIn(3)) device.holdOutput();
        else device.resumeOutput();
        const { input } = device.state().data as { input: Uint8Array };
        assert.ok(input.length <= MAX_CONSOLE_INPUT_BYTES);
      },
    },
    proveAlive: ({ driver }) => {
      device.resumeOutput();
      const [, tx] = driver.start({ size: 8 });
      tx!.offer(driver.arena.readable(Buffer.from("alive")));
      driver.notify(1);
      assert.equal(output, "alive");
    },
  };
}

test("a hostile guest", (t) => fuzzDevice(t, makeSubject));

test("the fuzz finds a missing bounds check", (t) => {
  const makeMemory = (ramBytes: number) => new LeakyMemory(ramBytes);
  assert.throws(() => fuzzDevice(t, makeSubject, { makeMemory }), FuzzFailure);
});
