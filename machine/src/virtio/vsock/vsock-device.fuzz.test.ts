// The socket device under a hostile guest with a busy host user, and proof that the fuzz would notice holes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FuzzFailure } from "@hearth/testkit/fuzz";
import type { Prng } from "@hearth/testkit/prng";
import { type FuzzSubject, fuzzDevice } from "@hearth/testkit/virtio/fuzz-device";
import { LeakyMemory } from "@hearth/testkit/virtio/guarded-memory";
import type { RequestShape } from "@hearth/testkit/virtio/hostile-guest";
import { REG } from "@hearth/testkit/virtio/mock-driver";
import { MockVsockGuest, VSOCK_OP } from "@hearth/testkit/virtio/mock-vsock-guest";
import type { VirtioRig } from "@hearth/testkit/virtio/rig";
import { RECEIVE_BUFFER_BYTES } from "./vsock-connection.ts";
import { MAX_VSOCK_CONNECTIONS, VsockDevice } from "./vsock-device.ts";
import type { VsockStream } from "./vsock-stream.ts";

const CID = 3;
const PORTS = [52, 53, 1024, 0x4000_0000, 0x4000_0001, 0x4000_0002];
const TX_QUEUE = 1;

/** A host user that does anything a program may do, at any moment, and checks what it is told. */
class BusyUser {
  readonly #prng: Prng;
  readonly #device: VsockDevice;
  readonly #streams = new Set<VsockStream>();
  /** The guest knows of these. */
  readonly #established = new Set<VsockStream>();

  constructor(prng: Prng, device: VsockDevice) {
    this.#prng = prng;
    this.#device = device;
    device.listen(52, (stream) => {
      this.#established.add(stream);
      this.#adopt(stream);
    });
    device.listen(53, (stream) => stream.destroy());
  }

  act(): void {
    assert.ok(this.#device.connectionCount <= MAX_VSOCK_CONNECTIONS);
    const stream = this.anyStream();
    if (stream === undefined || this.#prng.oneIn(4))
      this.#adopt(this.#device.connect(this.#prng.pick(PORTS)));
    else this.#use(stream);
  }

  /** What must be over after a reset of the device. */
  get establishedCount(): number {
    return this.#established.size;
  }

  anyStream(): VsockStream | undefined {
    return [...this.#streams][this.#prng.below(this.#streams.size)];
  }

  #adopt(stream: VsockStream): void {
    let isOver = false;
    let hasEnded = false;
    this.#streams.add(stream);
    stream.handlers = {
      open: () => this.#established.add(stream),
      data: (chunk) => {
        assert.ok(!isOver && !hasEnded && chunk.length > 0);
        if (this.#prng.oneIn(4)) this.#use(stream);
      },
      end: () => {
        assert.ok(!isOver && !hasEnded);
        hasEnded = true;
        if (this.#prng.oneIn(2)) stream.end();
      },
      drain: () => assert.ok(!isOver),
      close: () => {
        assert.ok(!isOver, "closed twice");
        isOver = true;
        this.#streams.delete(stream);
        this.#established.delete(stream);
      },
    };
  }

  #use(stream: VsockStream): void {
    const choice = this.#prng.below(10);
    if (choice === 0) stream.destroy();
    else if (choice === 1) stream.end();
    else if (choice === 2) stream.pause();
    else if (choice === 3) stream.resume();
    else stream.write(new Uint8Array(this.#prng.below(3000)));
  }
}

/** A packet, mostly for a connection there is. */
function makeRequest(prng: Prng, queueIndex: number, user: BusyUser): RequestShape {
  if (queueIndex !== TX_QUEUE)
    return { readable: new Uint8Array(0), writableBytes: prng.pick([43, 44, 60, 4140]) };
  const stream = prng.oneIn(4) ? undefined : user.anyStream();
  const data = prng.oneIn(2) ? prng.below(3000) : 0;
  const view = new DataView(new ArrayBuffer(44 + data));
  view.setBigUint64(0, prng.oneIn(50) ? BigInt(prng.u32()) : BigInt(CID), true);
  view.setBigUint64(8, prng.oneIn(50) ? BigInt(prng.u32()) : 2n, true);
  view.setUint32(16, stream?.guestPort ?? prng.pick(PORTS), true);
  view.setUint32(20, stream?.hostPort ?? prng.pick(PORTS), true);
  view.setUint32(24, prng.oneIn(20) ? prng.u32() : data, true);
  view.setUint16(28, prng.oneIn(50) ? 2 : 1, true);
  const control = stream === undefined ? [1, 1, 1, 3, prng.below(70)] : [2, 6, 6, 7, 4, prng.below(9)];
  view.setUint16(30, data > 0 ? 5 : prng.pick(control), true);
  view.setUint32(32, prng.below(4), true);
  view.setUint32(36, prng.pick([0, 1, 4096, RECEIVE_BUFFER_BYTES, prng.u32()]), true);
  view.setUint32(40, prng.pick([0, 0, 1, prng.u32()]), true);
  return { readable: new Uint8Array(view.buffer), writableBytes: 0 };
}

function makeSubject(prng: Prng, device = new VsockDevice({ guestCid: CID })): FuzzSubject {
  const user = new BusyUser(prng, device);
  return {
    device,
    guest: {
      makeRequest: (random, queueIndex) => makeRequest(random, queueIndex, user),
      busyQueue: TX_QUEUE,
      disturb: () => user.act(),
    },
    proveAlive: (rig) => {
      rig.driver.write(REG.status, 0);
      assert.equal(user.establishedCount, 0, "a connection survived a reset");
      proveAlive(rig, device);
    },
  };
}

function proveAlive({ driver }: VirtioRig, device: VsockDevice): void {
  driver.start({ size: 8 });
  const guest = new MockVsockGuest(driver, CID);
  guest.drain();
  const stream = device.connect(77);
  let received = "";
  stream.handlers = { data: (chunk) => (received += Buffer.from(chunk).toString()) };
  assert.equal(guest.drain().at(-1)?.op, VSOCK_OP.request);
  const peer = { srcPort: 77, dstPort: stream.hostPort };
  guest.send({ ...peer, op: VSOCK_OP.response });
  guest.send({ ...peer, op: VSOCK_OP.rw, data: Buffer.from("alive") });
  stream.write(Buffer.from("too"));
  assert.equal(received, "alive");
  assert.equal(Buffer.from(guest.drain().at(-1)!.data).toString(), "too");
}

test("a hostile guest", (t) => fuzzDevice(t, makeSubject, { stepsEach: 150 }));

test("the fuzz finds a missing bounds check", (t) => {
  const makeMemory = (ramBytes: number) => new LeakyMemory(ramBytes);
  assert.throws(() => fuzzDevice(t, makeSubject, { makeMemory }), FuzzFailure);
});

test("the fuzz finds connections that survive a reset", (t) => {
  class ForgetfulDevice extends VsockDevice {
    override reset(): void {}
  }
  assert.throws(
    () => fuzzDevice(t, (prng) => makeSubject(prng, new ForgetfulDevice({ guestCid: CID }))),
    FuzzFailure,
  );
});
