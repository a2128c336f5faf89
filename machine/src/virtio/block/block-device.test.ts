// The block device through transport and ring: requests, bounds, statuses, features, saved state.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  SECTORS,
  IN,
  OUT,
  FLUSH,
  GET_ID,
  DISCARD,
  WRITE_ZEROES,
  OK,
  IOERR,
  UNSUPP,
  SlowBackend,
  type Bench,
  makeBench,
  pattern,
  header,
  range,
  request,
} from "@hearth/testkit/virtio/block-bench";
import { REG } from "@hearth/testkit/virtio/mock-driver";
import type { MockBuffer } from "@hearth/testkit/virtio/mock-queue";
import { MemoryBlockBackend } from "./block-backend.ts";
import { BlockDevice } from "./block-device.ts";

describe("requests", () => {
  test("a read fills all buffers and reports data and status as written", () => {
    const bench = makeBench(new MemoryBlockBackend(pattern()));
    const { arena } = bench.rig.driver;
    const buffers = [arena.writable(512), arena.writable(1), arena.writable(1023)];
    assert.equal(request(bench, IN, 3, ...buffers), OK);
    const bytes = buffers.flatMap((buffer) => [...arena.contentOf(buffer)]);
    assert.deepEqual(bytes, [...pattern().subarray(3 * 512, 6 * 512)]);
    assert.equal(bench.queue.takeUsed()[0]!.writtenBytes, 1536 + 1);
    assert.equal(bench.rig.driver.takeInterrupts(), 1);
  });

  test("a write changes exactly its sectors", () => {
    const backend = new MemoryBlockBackend(pattern());
    const bench = makeBench(backend);
    const { arena } = bench.rig.driver;
    const data = new Uint8Array(1024).fill(0xaa);
    const parts = [arena.readable(data.subarray(0, 100)), arena.readable(data.subarray(100))];
    assert.equal(request(bench, OUT, 62, ...parts), OK);
    const expected = pattern();
    expected.fill(0xaa, 62 * 512);
    assert.deepEqual(backend.bytes, expected);
    assert.equal(bench.queue.takeUsed()[0]!.writtenBytes, 1);
  });

  test("framing is free: header, data and status may share or split buffers", () => {
    const bench = makeBench(new MemoryBlockBackend(pattern()));
    const { arena } = bench.rig.driver;
    const whole = bench.rig.memory.slice(header(bench.rig, IN, 1).gpa, 16).slice();
    const all = arena.writable(513);
    bench.queue.offer(arena.readable(whole.subarray(0, 5)), arena.readable(whole.subarray(5)), all);
    bench.rig.driver.notify(0);
    assert.deepEqual(arena.contentOf(all).subarray(0, 512), pattern().subarray(512, 1024));
    assert.equal(arena.contentOf(all)[512], OK);
  });

  test("a transfer of many chunks comes out whole", () => {
    const big = Uint8Array.from({ length: 1024 * 1024 }, (_, i) => i >> 8);
    const bench = makeBench(new MemoryBlockBackend(big), 4 * 1024 * 1024);
    const buffer = bench.rig.driver.arena.writable(big.length);
    assert.equal(request(bench, IN, 0, buffer), OK);
    assert.equal(Buffer.compare(bench.rig.driver.arena.contentOf(buffer), big), 0);
  });

  test("flush, serial number, write-zeroes", () => {
    const backend = new MemoryBlockBackend(pattern(), { serial: "a-serial-number-too-long" });
    const bench = makeBench(backend);
    const { arena } = bench.rig.driver;
    assert.equal(request(bench, FLUSH, 0), OK);
    const serial = arena.writable(20);
    assert.equal(request(bench, GET_ID, 0, serial), OK);
    assert.equal(Buffer.from(arena.contentOf(serial)).toString(), "a-serial-number-too-");
    assert.equal(request(bench, WRITE_ZEROES, 0, arena.readable(range(10, 3, 1))), OK);
    const expected = pattern();
    expected.fill(0, 10 * 512, 13 * 512);
    assert.deepEqual(backend.bytes, expected);
  });
});

describe("bad requests get a status", () => {
  const cases: [string, number | undefined, (bench: Bench) => number | undefined][] = [
    ["unknown type", UNSUPP, (bench) => request(bench, 99, 0)],
    [
      "discard when not offered",
      UNSUPP,
      (bench) => request(bench, DISCARD, 0, readable(bench, range(0, 1, 0))),
    ],
    ["read past the end", IOERR, (bench) => request(bench, IN, SECTORS, writable(bench, 512))],
    ["read across the end", IOERR, (bench) => request(bench, IN, SECTORS - 1, writable(bench, 1024))],
    ["sector that wraps", IOERR, (bench) => request(bench, IN, 2n ** 64n - 1n, writable(bench, 1024))],
    ["sector whose bytes wrap", IOERR, (bench) => request(bench, IN, 2n ** 55n, writable(bench, 512))],
    [
      "write past the end",
      IOERR,
      (bench) => request(bench, OUT, SECTORS, readable(bench, new Uint8Array(512))),
    ],
    ["read of part of a sector", IOERR, (bench) => request(bench, IN, 0, writable(bench, 100))],
    [
      "write of part of a sector",
      IOERR,
      (bench) => request(bench, OUT, 0, readable(bench, new Uint8Array(513))),
    ],
    ["serial number without room", IOERR, (bench) => request(bench, GET_ID, 0, writable(bench, 19))],
    [
      "zeroes past the end",
      IOERR,
      (bench) => request(bench, WRITE_ZEROES, 0, readable(bench, range(60, 5, 0))),
    ],
    [
      "zeroes far out",
      IOERR,
      (bench) => request(bench, WRITE_ZEROES, 0, readable(bench, range(2n ** 63n, 1, 0))),
    ],
    [
      "zeroes with unknown flags",
      UNSUPP,
      (bench) => request(bench, WRITE_ZEROES, 0, readable(bench, range(0, 1, 2))),
    ],
    ["two ranges", IOERR, (bench) => request(bench, WRITE_ZEROES, 0, readable(bench, new Uint8Array(32)))],
    ["half a range", IOERR, (bench) => request(bench, WRITE_ZEROES, 0, readable(bench, new Uint8Array(8)))],
  ];
  for (const [name, status, act] of cases) {
    test(name, () => {
      const backend = new MemoryBlockBackend(pattern());
      const bench = makeBench(backend);
      assert.equal(act(bench), status);
      assert.equal(bench.queue.takeUsed().length, 1);
      assert.deepEqual(backend.bytes, pattern());
    });
  }

  function readable(bench: Bench, bytes: Uint8Array): MockBuffer {
    return bench.rig.driver.arena.readable(bytes);
  }

  function writable(bench: Bench, sizeBytes: number): MockBuffer {
    return bench.rig.driver.arena.writable(sizeBytes);
  }

  test("what is no request at all is given back untouched", () => {
    const bench = makeBench(new MemoryBlockBackend(pattern()));
    const { arena } = bench.rig.driver;
    const short = arena.writable(20, 0x55);
    bench.queue.offer(arena.readable(new Uint8Array(15)), short);
    bench.queue.offer(arena.readable(new Uint8Array(16)));
    bench.rig.driver.notify(0);
    assert.deepEqual(
      bench.queue.takeUsed().map((used) => used.writtenBytes),
      [0, 0],
    );
    assert.deepEqual(arena.contentOf(short), new Uint8Array(20).fill(0x55));
  });

  test("a zero-length buffer is no room for a status", () => {
    const bench = makeBench(new MemoryBlockBackend(pattern()));
    const { arena } = bench.rig.driver;
    const before = arena.writable(16, 0x55);
    bench.queue.offer(header(bench.rig, FLUSH, 0), { gpa: before.gpa + 16, sizeBytes: 0, isWritable: true });
    bench.rig.driver.notify(0);
    assert.deepEqual(arena.contentOf(before), new Uint8Array(16).fill(0x55));
    assert.equal(bench.queue.takeUsed()[0]!.writtenBytes, 0);
  });

  test("a range longer than the configuration space allows", () => {
    const backend = Object.assign(new SlowBackend(), { sizeBytes: 2 ** 42 });
    const bench = makeBench(backend);
    assert.equal(request(bench, DISCARD, 0, readable(bench, range(0, 0x40_0001, 0))), IOERR);
    assert.equal(request(bench, DISCARD, 0, readable(bench, range(0, 0x40_0000, 0))), undefined);
    assert.deepEqual(backend.log, ["discard 0 2147483648"]);
  });

  test("writes to a read-only disk", () => {
    const backend = new MemoryBlockBackend(pattern(), { isReadOnly: true });
    const bench = makeBench(backend);
    assert.equal(request(bench, OUT, 0, readable(bench, new Uint8Array(512))), IOERR);
    assert.equal(request(bench, WRITE_ZEROES, 0, readable(bench, range(0, 1, 0))), UNSUPP);
    assert.equal(request(bench, FLUSH, 0), OK);
    assert.deepEqual(backend.bytes, pattern());
  });
});

describe("features and configuration", () => {
  test("a writable disk", () => {
    const { rig } = makeBench(new MemoryBlockBackend(pattern()));
    assert.equal(
      rig.driver.offeredFeatures(),
      (1n << 32n) | (1n << 29n) | (1n << 14n) | (1n << 9n) | (1n << 6n) | (1n << 2n),
    );
    assert.equal(rig.transport.readMmio(REG.config, 4), SECTORS);
    assert.equal(rig.transport.readMmio(REG.config + 4, 4), 0);
    assert.equal(rig.transport.readMmio(REG.config + 12, 4), 126);
    assert.equal(rig.transport.readMmio(REG.config + 20, 2), 512);
    assert.equal(rig.transport.readMmio(REG.config + 0xefc, 4), 0);
  });

  test("a read-only disk offers RO and nothing that writes; a back end with discard offers it", () => {
    const readOnly = new BlockDevice(new MemoryBlockBackend(pattern(), { isReadOnly: true }));
    assert.equal(readOnly.features & 0xffffn, (1n << 6n) | (1n << 5n) | (1n << 2n));
    assert.notEqual(new BlockDevice(new SlowBackend()).features & (1n << 13n), 0n);
  });
});

test("a saved device goes on with buffers offered before, and refuses another disk", () => {
  const bench = makeBench(new MemoryBlockBackend(pattern()));
  const saved = structuredClone(bench.device.state());
  assert.throws(
    () => new BlockDevice(new MemoryBlockBackend(new Uint8Array(512))).restore(saved, undefined),
    {
      code: "snapshot.disk",
    },
  );
  const status = bench.rig.driver.arena.writable(1, 0xff);
  bench.queue.offer(header(bench.rig, FLUSH, 0), status);
  const image = structuredClone(bench.rig.transport.state());
  bench.rig.transport.restore(image);
  assert.equal(bench.rig.driver.arena.contentOf(status)[0], OK);
});
