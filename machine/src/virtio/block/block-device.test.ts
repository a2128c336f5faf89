// The block device through transport and ring: requests, bounds, statuses, features, back ends that end later.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { REG } from "@hearth/testkit/virtio/mock-driver";
import type { MockBuffer, MockQueue } from "@hearth/testkit/virtio/mock-queue";
import { plugIn, type VirtioRig } from "@hearth/testkit/virtio/rig";
import { type BlockBackend, type BlockDone, MemoryBlockBackend } from "./block-backend.ts";
import { BlockDevice } from "./block-device.ts";

const SECTORS = 64;
const IN = 0;
const OUT = 1;
const FLUSH = 4;
const GET_ID = 8;
const DISCARD = 11;
const WRITE_ZEROES = 13;
const [OK, IOERR, UNSUPP] = [0, 1, 2];

/** A memory disk whose operations wait until `release`. */
class SlowBackend implements BlockBackend {
  readonly sizeBytes = SECTORS * 512;
  readonly isReadOnly = false;
  readonly serial = "slow";
  readonly memory = new MemoryBlockBackend(pattern());
  readonly waiting: (() => void)[] = [];
  readonly log: string[] = [];
  failure: Error | undefined;

  read(position: number, target: Uint8Array, done: BlockDone): void {
    this.#later(`read ${position} ${target.length}`, done, (end) => this.memory.read(position, target, end));
  }

  write(position: number, source: Uint8Array, done: BlockDone): void {
    this.#later(`write ${position} ${source.length}`, done, (end) =>
      this.memory.write(position, source, end),
    );
  }

  flush(done: BlockDone): void {
    this.#later("flush", done, (end) => end());
  }

  discard(position: number, sizeBytes: number, done: BlockDone): void {
    this.#later(`discard ${position} ${sizeBytes}`, done, (end) => end());
  }

  /** Ends the operations that wait now, the last one first if `isReversed`. */
  release(isReversed = false): void {
    const batch = this.waiting.splice(0);
    for (const end of isReversed ? batch.reverse() : batch) end();
  }

  #later(what: string, done: BlockDone, work: (end: BlockDone) => void): void {
    this.log.push(what);
    this.waiting.push(() => (this.failure === undefined ? work(done) : done(this.failure)));
  }
}

interface Bench {
  rig: VirtioRig;
  queue: MockQueue;
  device: BlockDevice;
}

function makeBench(backend: BlockBackend, ramBytes?: number): Bench {
  const device = new BlockDevice(backend);
  const rig = plugIn(device, ramBytes);
  const [queue] = rig.driver.start();
  return { rig, queue: queue!, device };
}

function pattern(): Uint8Array {
  return Uint8Array.from({ length: SECTORS * 512 }, (_, i) => i * 7 + (i >> 9));
}

function header(rig: VirtioRig, type: number, sector: number | bigint): MockBuffer {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, type, true);
  view.setBigUint64(8, BigInt(sector), true);
  return rig.driver.arena.readable(new Uint8Array(view.buffer));
}

function range(sector: number | bigint, count: number, flags: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigUint64(0, BigInt(sector), true);
  view.setUint32(8, count, true);
  view.setUint32(12, flags, true);
  return new Uint8Array(view.buffer);
}

/** Offers header + buffers + status byte, notifies, returns the status byte, or undefined while it waits. */
function request(
  bench: Bench,
  type: number,
  sector: number | bigint,
  ...buffers: MockBuffer[]
): number | undefined {
  const status = bench.rig.driver.arena.writable(1, 0xff);
  bench.queue.offer(header(bench.rig, type, sector), ...buffers, status);
  bench.rig.driver.notify(0);
  const value = bench.rig.driver.arena.contentOf(status)[0]!;
  return value === 0xff ? undefined : value;
}

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

test("a saved device goes on with buffers offered before, and refuses another disk", () => {
  const bench = makeBench(new MemoryBlockBackend(pattern()));
  const saved = structuredClone(bench.device.state());
  assert.throws(
    () => new BlockDevice(new MemoryBlockBackend(new Uint8Array(512))).restore(saved, undefined),
    {
      code: "snapshot.invalid",
    },
  );
  const status = bench.rig.driver.arena.writable(1, 0xff);
  bench.queue.offer(header(bench.rig, FLUSH, 0), status);
  const image = structuredClone(bench.rig.transport.state());
  bench.rig.transport.restore(image);
  assert.equal(bench.rig.driver.arena.contentOf(status)[0], OK);
});
