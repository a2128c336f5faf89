// Back ends that end later: order, resets in between, the bound on what is under way, who is told.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  IN,
  FLUSH,
  DISCARD,
  SlowBackend,
  makeBench,
  pattern,
  header,
  range,
  request,
} from "@hearth/testkit/virtio/block-bench";
import { plugIn } from "@hearth/testkit/virtio/rig";
import { MemoryBlockBackend } from "./block-backend.ts";
import { BlockDevice } from "./block-device.ts";

describe("back ends that end later", () => {
  test("requests overlap and are given back as they end", () => {
    const backend = new SlowBackend();
    const bench = makeBench(backend);
    const { arena } = bench.rig.driver;
    for (let i = 0; i < 3; i++) assert.equal(request(bench, IN, i, arena.writable(512)), undefined);
    assert.equal(bench.device.hasPendingWork(), true);
    assert.equal(backend.waiting.length, 3);
    assert.equal(bench.rig.line.takeEdges(), 0);
    backend.release(true);
    assert.equal(bench.device.hasPendingWork(), false);
    assert.deepEqual(
      bench.queue.takeUsed().map((used) => used.head),
      [6, 3, 0],
    );
    assert.equal(bench.rig.driver.takeInterrupts(), 1);
  });

  test("no more than 64 are under way; the rest follow", () => {
    const backend = new SlowBackend();
    const bench = makeBench(backend);
    const head = header(bench.rig, FLUSH, 0);
    for (let i = 0; i < 100; i++) bench.queue.offer(head, bench.rig.driver.arena.writable(1));
    bench.rig.driver.notify(0);
    assert.equal(backend.waiting.length, 64);
    for (let i = 0; i < 3; i++) backend.release();
    assert.equal(bench.queue.takeUsed().length, 100);
  });

  test("an error of the back end is an I/O error of the guest, and no data is claimed", () => {
    const backend = new SlowBackend();
    const bench = makeBench(backend);
    const data = bench.rig.driver.arena.writable(512);
    request(bench, IN, 0, data);
    backend.failure = new Error("broken disk");
    backend.release();
    const [used] = bench.queue.takeUsed();
    assert.equal(used!.writtenBytes, 0);
    assert.deepEqual(bench.rig.driver.arena.contentOf(data), new Uint8Array(512).fill(0xee));
  });

  test("after a reset nothing touches the guest's memory, and a new driver starts clean", () => {
    const backend = new SlowBackend();
    const bench = makeBench(backend);
    const data = bench.rig.driver.arena.writable(512);
    request(bench, IN, 0, data);
    bench.rig.driver.start();
    const ram = bench.rig.memory.bytes.slice();
    backend.release();
    assert.equal(Buffer.compare(bench.rig.memory.bytes, ram), 0);
    assert.equal(bench.device.hasPendingWork(), false);
    assert.equal(bench.rig.line.takeEdges(), 0);
    const again = { ...bench, queue: bench.rig.driver.queues[0]! };
    request(again, IN, 0, data);
    backend.release();
    assert.equal(again.queue.takeUsed().length, 1);
  });

  test("a driver that resets again and again does not pile requests up in the back end", () => {
    const backend = new SlowBackend();
    const bench = makeBench(backend);
    for (let round = 0; round < 5; round++) {
      const [queue] = bench.rig.driver.start();
      const again = { ...bench, queue: queue! };
      for (let i = 0; i < 40; i++) request(again, IN, 0, bench.rig.driver.arena.writable(512));
    }
    assert.equal(backend.waiting.length, 64);
    while (backend.waiting.length > 0) backend.release();
    assert.equal(bench.rig.driver.queues[0]!.takeUsed().length, 40);
    assert.equal(bench.device.hasPendingWork(), false);
  });

  test("chunks of a large transfer follow each other and stop at an error", () => {
    const backend = new SlowBackend();
    Object.assign(backend, {
      sizeBytes: 1024 * 1024,
      memory: new MemoryBlockBackend(new Uint8Array(1024 * 1024)),
    });
    const bench = makeBench(backend, 4 * 1024 * 1024);
    request(bench, IN, 0, bench.rig.driver.arena.writable(512 * 1024));
    backend.release();
    backend.failure = new Error("broken disk");
    backend.release();
    assert.deepEqual(backend.log, ["read 0 131072", "read 131072 131072"]);
    assert.equal(bench.queue.takeUsed()[0]!.writtenBytes, 131072);
  });

  test("the host hears of completions that come by themselves, not of those inside a call", () => {
    let completions = 0;
    const onCompletion = () => completions++;
    const atOnce = plugIn(new BlockDevice(new MemoryBlockBackend(pattern()), { onCompletion }));
    const [queue] = atOnce.driver.start();
    request({ rig: atOnce, queue: queue!, device: atOnce.transport.device as BlockDevice }, FLUSH, 0);
    assert.equal(completions, 0);
    const backend = new SlowBackend();
    const later = plugIn(new BlockDevice(backend, { onCompletion }));
    const [laterQueue] = later.driver.start();
    request({ rig: later, queue: laterQueue!, device: later.transport.device as BlockDevice }, FLUSH, 0);
    backend.release();
    assert.equal(completions, 1);
  });

  test("discard reaches a back end that can", () => {
    const backend = new SlowBackend();
    const bench = makeBench(backend);
    request(bench, DISCARD, 0, bench.rig.driver.arena.readable(range(8, 16, 0)));
    assert.deepEqual(backend.log, ["discard 4096 8192"]);
  });
});
