// The socket device against a mock guest: handshakes both ways, data, credit, shutdown, resets.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import {
  type MockVsockGuest,
  VSOCK_OP as OP,
  type VsockPacket,
} from "@hearth/testkit/virtio/mock-vsock-guest";
import { REG } from "@hearth/testkit/virtio/mock-driver";
import type { VirtioRig } from "@hearth/testkit/virtio/rig";
import { opsOf, recordStream, VsockBench } from "@hearth/testkit/virtio/vsock-bench";
import { RECEIVE_BUFFER_BYTES } from "./vsock-connection.ts";
import type { VsockDevice } from "./vsock-device.ts";
import type { VsockStream } from "./vsock-stream.ts";

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

describe("handshakes", () => {
  test("the host asks, the guest accepts", () => {
    const stream = device.connect(1024);
    const log = recordStream(stream);
    const [request] = guest.drain();
    assert.deepEqual(
      { ...request, data: request!.data.length },
      {
        ...{ srcCid: 2n, dstCid: BigInt(CID), srcPort: stream.hostPort, dstPort: 1024, len: 0, type: 1 },
        ...{ op: OP.request, flags: 0, bufAlloc: RECEIVE_BUFFER_BYTES, fwdCnt: 0, data: 0 },
      },
    );
    guest.send({ srcPort: 1024, dstPort: stream.hostPort, op: OP.response });
    assert.deepEqual(log, ["open"]);
  });

  test("the host asks, the guest refuses", () => {
    const stream = device.connect(1024);
    const log = recordStream(stream);
    guest.drain();
    guest.send({ srcPort: 1024, dstPort: stream.hostPort, op: OP.rst });
    assert.deepEqual(log, ["close refused"]);
    assert.equal(device.connectionCount, 0);
  });

  test("the guest asks, a listener takes it and may write at once", () => {
    let accepted: VsockStream | undefined;
    device.listen(52, (stream) => {
      accepted = stream;
      stream.write(text("welcome"));
    });
    guest.send({ srcPort: 9000, dstPort: 52, op: OP.request });
    const packets = guest.drain();
    assert.deepEqual(opsOf(packets), [OP.response, OP.rw]);
    assert.equal(Buffer.from(packets[1]!.data).toString(), "welcome");
    assert.deepEqual([accepted!.hostPort, accepted!.guestPort], [52, 9000]);
  });

  test("the guest asks for a port nobody listens on", () => {
    guest.send({ srcPort: 9000, dstPort: 53, op: OP.request });
    const [reset] = guest.drain();
    assert.deepEqual([reset!.op, reset!.srcPort, reset!.dstPort], [OP.rst, 53, 9000]);
  });

  test("a request made before the driver is up waits for it, over the driver's first reset", () => {
    rig.transport.reset();
    const stream = device.connect(5);
    const log = recordStream(stream);
    bench.restart();
    guest = bench.guest;
    assert.deepEqual(opsOf(guest.drain()), [OP.request]);
    guest.send({ srcPort: 5, dstPort: stream.hostPort, op: OP.response });
    assert.deepEqual(log, ["open"]);
  });

  test("a port has one listener", () => {
    device.listen(52, () => {});
    assert.throws(() => device.listen(52, () => {}), { code: "vsock.port-in-use" });
  });
});

describe("data", () => {
  test("from guest to host", () => {
    const { log, peer } = bench.connectGuest();
    guest.send({ ...peer, op: OP.rw, data: text("one") });
    guest.send({ ...peer, op: OP.rw, data: text("two") });
    assert.deepEqual(log, ["data one", "data two"]);
  });

  test("from host to guest, cut to the guest's buffers", () => {
    const { stream } = bench.connectHost();
    const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => i * 3);
    stream.write(bytes.subarray(0, 6000));
    stream.write(bytes.subarray(6000));
    const packets = guest.drain(512);
    assert.ok(packets.every((packet) => packet.op === OP.rw && packet.data.length <= 4096));
    assert.equal(Buffer.compare(Buffer.concat(packets.map((packet) => packet.data)), bytes), 0);
  });

  test("connections take turns", () => {
    const one = bench.connectHost({ bufAlloc: 1 << 20 }).stream;
    const two = device.connect(1025);
    guest.drain();
    guest.send({ srcPort: 1025, dstPort: two.hostPort, op: OP.response });
    one.write(new Uint8Array(40_000));
    two.write(new Uint8Array(8));
    const ports = guest.drain().map((packet) => packet.dstPort);
    assert.ok(ports.indexOf(1025) <= 9, `the small one came at ${ports.indexOf(1025)}`);
  });

  test("handlers may write, end and destroy from inside", () => {
    const { stream, peer } = bench.connectGuest();
    stream.handlers = {
      data: (chunk) => {
        stream.write(chunk);
        stream.write(text("!"));
        stream.end();
      },
    };
    guest.send({ ...peer, op: OP.rw, data: text("echo") });
    const packets = guest.drain();
    assert.equal(Buffer.concat(packets.map((packet) => packet.data)).toString(), "echo!");
    assert.equal(packets.at(-1)!.op, OP.shutdown);
    stream.handlers = { data: () => stream.destroy() };
    guest.send({ ...peer, op: OP.rw, data: text("x") });
    assert.deepEqual(opsOf(guest.drain()), [OP.rst]);
  });
});

describe("credit", () => {
  test("the host never sends more than the guest has room for, and goes on when told", () => {
    const { stream, peer } = bench.connectHost({ bufAlloc: 1000 });
    assert.equal(stream.write(new Uint8Array(2500)), true);
    const first = guest.drain();
    assert.equal(total(first), 1000);
    assert.equal(first.at(-1)!.op, OP.creditRequest);
    assert.deepEqual(guest.drain(), []);
    guest.send({ ...peer, op: OP.creditUpdate, bufAlloc: 1000, fwdCnt: 600 });
    assert.equal(total(guest.drain()), 600);
    guest.send({ ...peer, op: OP.creditUpdate, bufAlloc: 10_000, fwdCnt: 1600 });
    assert.equal(total(guest.drain()), 900);
  });

  test("a guest that claims to have consumed more than was sent gets nothing, until it tells the truth", () => {
    const { stream, peer } = bench.connectHost({ bufAlloc: 1000, fwdCnt: 5 });
    stream.write(new Uint8Array(100));
    assert.equal(total(guest.drain()), 0);
    guest.send({ ...peer, op: OP.creditUpdate, bufAlloc: 50, fwdCnt: 0 });
    assert.equal(total(guest.drain()), 50);
  });

  test("a writer is told when to wait and when to go on", () => {
    const { stream, log, peer } = bench.connectHost({ bufAlloc: 1 << 20 });
    assert.equal(stream.write(new Uint8Array(200_000)), true);
    assert.equal(stream.write(new Uint8Array(100_000)), false);
    assert.deepEqual(log, []);
    guest.drain();
    assert.deepEqual(log, ["drain"]);
    assert.equal(stream.write(new Uint8Array(1)), true);
    guest.send({ ...peer, op: OP.rst });
  });

  test("the guest learns what was consumed: when it asks, and when much has gathered", () => {
    const { peer } = bench.connectGuest();
    guest.send({ ...peer, op: OP.rw, data: new Uint8Array(1000) });
    assert.deepEqual(guest.drain(), []);
    guest.send({ ...peer, op: OP.creditRequest });
    const [answer] = guest.drain();
    assert.deepEqual(
      [answer!.op, answer!.fwdCnt, answer!.bufAlloc],
      [OP.creditUpdate, 1000, RECEIVE_BUFFER_BYTES],
    );
    guest.send({ ...peer, op: OP.rw, data: new Uint8Array(65_000) });
    guest.send({ ...peer, op: OP.rw, data: new Uint8Array(1000) });
    assert.deepEqual(
      guest.drain().map((packet) => [packet.op, packet.fwdCnt]),
      [[OP.creditUpdate, 67_000]],
    );
  });

  test("a paused stream keeps data and credit back until resumed, and in order", () => {
    const { stream, log, peer } = bench.connectGuest();
    stream.pause();
    guest.send({ ...peer, op: OP.rw, data: text("a") });
    guest.send({ ...peer, op: OP.rw, data: text("b") });
    guest.send({ ...peer, op: OP.shutdown, flags: 2 });
    guest.send({ ...peer, op: OP.creditRequest });
    assert.equal(guest.drain()[0]!.fwdCnt, 0);
    assert.deepEqual(log, []);
    stream.resume();
    assert.deepEqual(log, ["data ab", "end"]);
  });

  test("a guest that sends more than it may loses the connection", () => {
    const { stream, log, peer } = bench.connectGuest();
    stream.pause();
    const chunk = new Uint8Array(65_536);
    for (let i = 0; i < RECEIVE_BUFFER_BYTES / chunk.length; i++)
      guest.send({ ...peer, op: OP.rw, data: chunk });
    assert.deepEqual(log, []);
    guest.send({ ...peer, op: OP.rw, data: text("!") });
    assert.deepEqual(log, ["close reset"]);
    assert.deepEqual(opsOf(guest.drain()), [OP.rst]);
  });

  function total(packets: readonly VsockPacket[]): number {
    return packets.reduce((sum, packet) => sum + packet.data.length, 0);
  }
});

describe("the end", () => {
  test("host first: shutdown after the data, then the guest's close", () => {
    const { stream, log, peer } = bench.connectHost();
    stream.write(text("last"));
    stream.end();
    assert.equal(stream.write(text("ignored")), true);
    const packets = guest.drain();
    assert.deepEqual(opsOf(packets), [OP.rw, OP.shutdown]);
    assert.equal(packets[1]!.flags, 2);
    guest.send({ ...peer, op: OP.rw, data: text("more") });
    guest.send({ ...peer, op: OP.shutdown, flags: 3 });
    assert.deepEqual(log, ["data more", "end", "close finished"]);
    assert.deepEqual(opsOf(guest.drain()), [OP.rst]);
    assert.equal(device.connectionCount, 0);
  });

  test("guest first: end, then the host may still write, then both are done", () => {
    const { stream, log, peer } = bench.connectGuest();
    guest.send({ ...peer, op: OP.shutdown, flags: 2 });
    assert.deepEqual(log, ["end"]);
    stream.write(text("answer"));
    stream.end();
    const packets = guest.drain();
    assert.deepEqual(opsOf(packets), [OP.rw, OP.shutdown]);
    assert.equal(packets[1]!.flags, 3);
    guest.send({ ...peer, op: OP.rst });
    assert.deepEqual(log, ["end", "close finished"]);
  });

  test("the guest resets", () => {
    const { stream, log, peer } = bench.connectGuest();
    guest.send({ ...peer, op: OP.rst });
    assert.deepEqual(log, ["close reset"]);
    assert.equal(stream.isClosed, true);
    assert.equal(stream.write(text("x")), true);
    assert.deepEqual(guest.drain(), []);
  });

  test("a guest that reads no more frees a waiting writer", () => {
    const { stream, log, peer } = bench.connectHost({ bufAlloc: 0 });
    assert.equal(stream.write(new Uint8Array(300_000)), false);
    guest.send({ ...peer, op: OP.shutdown, flags: 1 });
    assert.deepEqual(log, ["drain"]);
  });

  test("destroy resets; a request that was never sent just goes away", () => {
    const { stream, log } = bench.connectHost();
    stream.destroy();
    stream.destroy();
    assert.deepEqual(log, ["close destroyed"]);
    assert.deepEqual(opsOf(guest.drain()), [OP.rst]);
    rig.transport.reset();
    device.connect(9).destroy();
    bench.restart();
    guest = bench.guest;
    assert.deepEqual(guest.drain(), []);
  });

  test("a reset of the device ends every connection", () => {
    const { log } = bench.connectHost();
    rig.driver.write(REG.status, 0);
    assert.deepEqual(log, ["close transport-reset"]);
    assert.equal(device.connectionCount, 0);
  });
});

test("configuration holds the guest's CID", () => {
  assert.equal(rig.transport.readMmio(REG.config, 4), CID);
  assert.equal(rig.transport.readMmio(REG.config + 4, 4), 0);
});

test("a restored guest hears that its connections are gone", () => {
  bench.connectHost();
  const event = rig.driver.arena.writable(8, 0xff);
  rig.driver.queues[2]!.offer(event);
  rig.transport.restore(structuredClone(rig.transport.state()));
  assert.equal(device.connectionCount, 0);
  assert.deepEqual(rig.driver.queues[2]!.takeUsed(), [{ head: 0, writtenBytes: 4 }]);
  assert.deepEqual([...rig.driver.arena.contentOf(event)], [0, 0, 0, 0, 255, 255, 255, 255]);
  rig.driver.notify(2);
  assert.deepEqual(rig.driver.queues[2]!.takeUsed(), []);
});
