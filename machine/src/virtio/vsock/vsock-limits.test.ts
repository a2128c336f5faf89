// The socket device against a guest that overdoes it: too many connections, packets out of place or badly made.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  type MockVsockGuest,
  VSOCK_OP as OP,
  type VsockPacket,
} from "@hearth/testkit/virtio/mock-vsock-guest";
import type { VirtioRig } from "@hearth/testkit/virtio/rig";
import { opsOf, VsockBench } from "@hearth/testkit/virtio/vsock-bench";
import { MAX_VSOCK_CONNECTIONS, type VsockDevice } from "./vsock-device.ts";

const CID = 7;

let bench: VsockBench;
let device: VsockDevice;
let rig: VirtioRig;
let guest: MockVsockGuest;

beforeEach(() => {
  bench = new VsockBench(CID);
  ({ device, rig, guest } = bench);
});

function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value));
}

test("1023 connections, whoever asks", () => {
  device.listen(52, () => {});
  for (let i = 0; i < MAX_VSOCK_CONNECTIONS; i++) guest.send({ srcPort: i, dstPort: 52, op: OP.request });
  assert.equal(device.connectionCount, MAX_VSOCK_CONNECTIONS);
  guest.drain();
  guest.send({ srcPort: 50_000, dstPort: 52, op: OP.request });
  assert.deepEqual(opsOf(guest.drain()), [OP.rst]);
  assert.throws(() => device.connect(1), { code: "vsock.connections" });
});

test("resets that nobody takes hold the guest's packets back instead of piling up", () => {
  let sent = 0;
  while (sent < 3000) {
    guest.tx.offer(badPacket());
    rig.driver.notify(1);
    if (guest.tx.takeUsed().length === 0) break;
    sent++;
  }
  assert.equal(sent, 1024);
  assert.equal(guest.drain().length, 1025);
  assert.equal(guest.tx.takeUsed().length, 1);
});

test("packets that are not addressed right, too short or too long are dropped", () => {
  const { log, peer } = bench.connectGuest();
  const nonsense: Partial<VsockPacket>[] = [
    { srcCid: 8n },
    { srcCid: BigInt(CID) + 2n ** 32n },
    { dstCid: 1n },
    { dstCid: 2n + 2n ** 40n },
    { len: 2 },
    { len: 0xffff_ffff },
  ];
  for (const fields of nonsense) guest.send({ ...peer, op: OP.rw, data: text("x"), ...fields });
  guest.tx.offer(rig.driver.arena.readable(new Uint8Array(43)));
  rig.driver.notify(1);
  assert.deepEqual(log, []);
  assert.equal(device.counters.droppedPackets, nonsense.length + 1);
  assert.deepEqual(guest.drain(), []);
});

test("operations out of place reset the connection", () => {
  for (const op of [0, OP.request, OP.response, 8, 0xffff]) {
    const { log, peer } = bench.connectGuest(8000 + op);
    guest.send({ ...peer, op });
    assert.deepEqual(log, ["close reset"], `operation ${op}`);
    assert.deepEqual(opsOf(guest.drain()), [OP.rst]);
  }
});

test("data before the handshake is over, and other socket types, are answered with a reset", () => {
  const stream = device.connect(1024);
  guest.drain();
  guest.send({ srcPort: 1024, dstPort: stream.hostPort, op: OP.rw, data: text("early") });
  assert.deepEqual(opsOf(guest.drain()), [OP.rst]);
  device.listen(52, () => {});
  guest.send({ srcPort: 1, dstPort: 52, op: OP.request, type: 2 });
  assert.deepEqual(opsOf(guest.drain()), [OP.rst]);
});

test("a reset for nothing is not answered", () => {
  guest.send({ srcPort: 1, dstPort: 2, op: OP.rst });
  assert.deepEqual(guest.drain(), []);
});

test("receive buffers too small for a header are given back empty", () => {
  const { arena } = rig.driver;
  guest.rx.offer(arena.writable(43));
  guest.rx.offer(arena.writable(44));
  rig.driver.notify(0);
  guest.send({ srcPort: 9000, dstPort: 53, op: OP.request });
  assert.deepEqual(
    guest.rx.takeUsed().map((used) => used.writtenBytes),
    [0, 44],
  );
});

function badPacket() {
  const packet = new Uint8Array(44);
  const view = new DataView(packet.buffer);
  view.setBigUint64(0, BigInt(CID), true);
  view.setBigUint64(8, 2n, true);
  view.setUint16(28, 1, true);
  view.setUint16(30, OP.rw, true);
  return rig.driver.arena.readable(packet);
}
