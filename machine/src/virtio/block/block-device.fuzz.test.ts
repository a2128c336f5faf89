// The block device under a hostile guest, with a back end that ends when it likes and checks every operation; and proof
// that the fuzz would notice holes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FuzzFailure } from "@hearth/testkit/fuzz";
import type { Prng } from "@hearth/testkit/prng";
import { type FuzzSubject, fuzzDevice } from "@hearth/testkit/virtio/fuzz-device";
import type { RequestShape } from "@hearth/testkit/virtio/hostile-guest";
import { LeakyMemory } from "@hearth/testkit/virtio/guarded-memory";
import type { BlockBackend, BlockDone } from "./block-backend.ts";
import { BlockDevice } from "./block-device.ts";

const SECTORS = 16;
const MAX_IN_FLIGHT = 64;

/** Throws for anything a device may not ask; ends operations at once, later, or with an error. */
class StrictBackend implements BlockBackend {
  readonly sizeBytes: number = SECTORS * 512;
  readonly isReadOnly: boolean;
  readonly serial = "strict";
  readonly discard: BlockBackend["discard"] & {};
  readonly #prng: Prng;
  #waiting: (() => void)[] = [];

  constructor(prng: Prng) {
    this.#prng = prng;
    this.isReadOnly = prng.oneIn(3);
    this.discard = (position, sizeBytes, done) => this.#change(position, sizeBytes, done);
  }

  read(position: number, target: Uint8Array, done: BlockDone): void {
    this.#check(position, target.length);
    target.fill(0x77);
    this.#end(done);
  }

  write(position: number, source: Uint8Array, done: BlockDone): void {
    this.#change(position, source.length, done);
  }

  flush(done: BlockDone): void {
    this.#end(done);
  }

  /** Ends some of what waits, in any order. */
  release(count: number): void {
    for (let i = 0; i < count && this.#waiting.length > 0; i++) {
      this.#waiting.splice(this.#prng.below(this.#waiting.length), 1)[0]!();
    }
  }

  #change(position: number, sizeBytes: number, done: BlockDone): void {
    assert.equal(this.isReadOnly, false, "a read-only disk was written");
    this.#check(position, sizeBytes);
    this.#end(done);
  }

  #check(position: number, sizeBytes: number): void {
    assert.equal((position % 512) | (sizeBytes % 512), 0);
    assert.ok(
      position >= 0 && position + sizeBytes <= SECTORS * 512,
      `${position}+${sizeBytes} is not on the disk`,
    );
  }

  #end(done: BlockDone): void {
    const error = this.#prng.oneIn(10) ? new Error("planned failure") : undefined;
    if (this.#prng.oneIn(3)) done(error);
    else this.#waiting.push(() => done(error));
    // Operations of before a reset may still wait beside those of after it.
    assert.ok(this.#waiting.length <= 60 * MAX_IN_FLIGHT);
  }
}

function makeSubject(prng: Prng, backend = new StrictBackend(prng)): FuzzSubject {
  return {
    device: new BlockDevice(backend),
    guest: { makeRequest, disturb: () => backend.release(prng.below(6)) },
    proveAlive: ({ driver }) => {
      const [queue] = driver.start({ size: 8 });
      const status = driver.arena.writable(1, 0xff);
      queue!.offer(
        driver.arena.readable(Uint8Array.of(8, ...new Array(15).fill(0))),
        driver.arena.writable(20),
        status,
      );
      driver.notify(0);
      assert.deepEqual(driver.arena.contentOf(status), Uint8Array.of(0));
      backend.release(Infinity);
      assert.equal(queue!.takeUsed().length, 1);
    },
  };
}

/** A request with its header mostly right: types, sectors around the end, ranges, any amount of data. */
function makeRequest(prng: Prng): RequestShape {
  const type = prng.pick([0, 0, 1, 1, 4, 8, 11, 13, prng.u32()]);
  const hasRange = type === 11 || type === 13;
  const dataBytes = prng.pick([0, 512, 512, 1024, 4096, prng.below(2000)]);
  const readable = new Uint8Array(16 + (hasRange ? 16 : type === 1 ? dataBytes : 0));
  const view = new DataView(readable.buffer);
  const sector = prng.oneIn(6)
    ? (BigInt(prng.u32()) << 32n) | BigInt(prng.u32())
    : BigInt(prng.below(SECTORS + 2));
  view.setUint32(0, type, true);
  view.setBigUint64(8, sector, true);
  if (hasRange) {
    view.setBigUint64(16, sector, true);
    view.setUint32(24, prng.pick([0, 1, 4, prng.u32()]), true);
    view.setUint32(28, prng.pick([0, 0, 1, prng.u32()]), true);
  }
  return { readable, writableBytes: 1 + (type === 0 ? dataBytes : type === 8 ? 20 : 0) };
}

test("a hostile guest", (t) => fuzzDevice(t, makeSubject));

test("the fuzz finds a missing bounds check of memory", (t) => {
  const makeMemory = (ramBytes: number) => new LeakyMemory(ramBytes);
  assert.throws(() => fuzzDevice(t, makeSubject, { makeMemory }), FuzzFailure);
});

test("the fuzz finds a wrong bounds check of the disk", (t) => {
  class BoastfulBackend extends StrictBackend {
    override readonly sizeBytes = (SECTORS + 1) * 512;
  }
  assert.throws(
    () => fuzzDevice(t, (prng) => makeSubject(prng, new BoastfulBackend(prng))),
    /is not on the disk/,
  );
});
