// The split queue against the mock driver's ring: order, wrap, suppression, malformed chains, broken rings, state.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import {
  DESC_INDIRECT,
  DESC_NEXT,
  DESC_WRITE,
  MockQueue,
  queueBytes,
} from "@hearth/testkit/virtio/mock-queue";
import { GuestArena } from "@hearth/testkit/virtio/guest-arena";
import { GuestMemory } from "../../memory/guest-memory.ts";
import { DescriptorChain } from "./descriptor-chain.ts";
import { SplitQueue } from "./split-queue.ts";

const RAM_BYTES = 1024 * 1024;
const SIZE = 8;

let memory: GuestMemory;
let arena: GuestArena;
let driver: MockQueue;
let queue: SplitQueue;
let chain: DescriptorChain;
let brokenCount: number;

function connect(size: number, hasEventIdx: boolean): void {
  memory = new GuestMemory(new SharedArrayBuffer(RAM_BYTES + 4096), 4096, RAM_BYTES);
  arena = new GuestArena(memory);
  driver = new MockQueue(memory, arena.take(queueBytes(size)), size);
  queue = new SplitQueue(memory, 256);
  queue.size = size;
  queue.descriptorGpa = driver.descriptorGpa;
  queue.availableGpa = driver.availableGpa;
  queue.usedGpa = driver.usedGpa;
  brokenCount = 0;
  queue.onBroken = () => brokenCount++;
  chain = new DescriptorChain(memory);
  assert.equal(queue.start(hasEventIdx), true);
}

/** Offers an empty-handed chain and serves it. */
function serveOne(): void {
  driver.offer(arena.writable(1));
  assert.equal(queue.pop(chain), true);
  queue.pushUsed(chain.head, 0);
}

beforeEach(() => connect(SIZE, false));

describe("chains", () => {
  test("an empty ring gives nothing", () => {
    assert.equal(queue.pop(chain), false);
    assert.equal(queue.hasAvailable(), false);
  });

  test("bytes are addressed across buffers, in both directions", () => {
    const one = arena.readable(Uint8Array.of(1, 2, 3));
    const two = arena.readable(Uint8Array.of(4, 5));
    const out = [arena.writable(2), arena.writable(0), arena.writable(4)];
    driver.offer(one, two, ...out);
    assert.equal(queue.pop(chain), true);
    assert.equal(chain.readableBytes, 5);
    assert.equal(chain.writableBytes, 6);
    const read = new Uint8Array(4);
    assert.equal(chain.read(2, read), 3);
    assert.deepEqual([...read], [3, 4, 5, 0]);
    assert.equal(chain.write(1, Uint8Array.of(7, 8, 9)), 3);
    chain.writeByte(5, 6);
    assert.deepEqual([...arena.contentOf(out[0]!)], [0xee, 7]);
    assert.deepEqual([...arena.contentOf(out[2]!)], [8, 9, 0xee, 6]);
    assert.equal(chain.write(5, Uint8Array.of(1, 2)), 1);
  });

  test("used elements carry head and length, in order, across many wraps of the indices", () => {
    for (let i = 0; i < 70_000; i++) {
      const head = i % SIZE;
      driver.writeDescriptor(head, 0x8000, 16, DESC_WRITE, 0);
      driver.publish(head);
      assert.equal(queue.pop(chain), true);
      queue.pushUsed(chain.head, i % 17);
      assert.deepEqual(driver.takeUsed(), [{ head, writtenBytes: i % 17 }]);
    }
  });

  test("a full ring is served, and so is a chain of as many buffers as descriptors", () => {
    for (let i = 0; i < SIZE; i++) driver.offer(arena.writable(4));
    for (let i = 0; i < SIZE; i++) assert.equal(queue.pop(chain), true);
    assert.equal(queue.pop(chain), false);
    driver.offer(...Array.from({ length: SIZE }, () => arena.writable(4)));
    assert.equal(queue.pop(chain), true);
    assert.equal(chain.writableBytes, 4 * SIZE);
  });

  test("writes are reported to whoever watches memory", () => {
    const seen: [number, number][] = [];
    const buffer = arena.writable(10);
    driver.offer(buffer);
    queue.pop(chain);
    memory.onDeviceWrite = (offset, sizeBytes) => seen.push([offset - 4096, sizeBytes]);
    chain.write(3, Uint8Array.of(1, 2));
    assert.deepEqual(seen, [[buffer.gpa + 3, 2]]);
    queue.pushUsed(chain.head, 5);
    assert.deepEqual(seen.slice(1), [
      [driver.usedGpa, 4],
      [driver.usedGpa + 4, 8],
    ]);
  });
});

describe("malformed chains are given back with length 0 and the next one is served", () => {
  const nonsense: Record<string, () => void> = {
    "a loop of one": () => driver.writeDescriptor(0, 0x8000, 1, DESC_NEXT, 0),
    "a loop of three": () => {
      driver.writeDescriptor(0, 0x8000, 1, DESC_NEXT, 1);
      driver.writeDescriptor(1, 0x8000, 1, DESC_NEXT, 2);
      driver.writeDescriptor(2, 0x8000, 1, DESC_NEXT, 0);
    },
    "next outside the table": () => driver.writeDescriptor(0, 0x8000, 1, DESC_NEXT, SIZE),
    "an indirect table": () => driver.writeDescriptor(0, 0x8000, 16, DESC_INDIRECT, 0),
    "an address outside RAM": () => driver.writeDescriptor(0, RAM_BYTES, 1, 0, 0),
    "a buffer across the end of RAM": () => driver.writeDescriptor(0, RAM_BYTES - 1, 2, 0, 0),
    "a length of 2^32 - 1": () => driver.writeDescriptor(0, 0, 0xffff_ffff, 0, 0),
    "an address that wraps": () => driver.writeDescriptor(0, 0xffff_ffff_ffff_fff0n, 0x20, 0, 0),
    "an address that would wrap 32 bits": () => driver.writeDescriptor(0, 0x1_0000_8000n, 1, 0, 0),
    "readable after writable": () => {
      driver.writeDescriptor(0, 0x8000, 1, DESC_NEXT | DESC_WRITE, 1);
      driver.writeDescriptor(1, 0x8000, 1, 0, 0);
    },
  };
  for (const [name, lay] of Object.entries(nonsense)) {
    test(name, () => {
      lay();
      driver.publish(0);
      driver.writeDescriptor(7, 0x8000, 5, DESC_WRITE, 0);
      driver.publish(7);
      assert.equal(queue.pop(chain), true);
      assert.equal(chain.head, 7);
      assert.equal(queue.malformedChains, 1);
      assert.deepEqual(driver.takeUsed(), [{ head: 0, writtenBytes: 0 }]);
      assert.equal(queue.isBroken, false);
    });
  }

  test("a loop costs no more than the table is long", () => {
    let lookUps = 0;
    const offsetOf = memory.offsetOf.bind(memory);
    memory.offsetOf = (gpa, sizeBytes) => {
      lookUps++;
      return offsetOf(gpa, sizeBytes);
    };
    driver.writeDescriptor(0, 0x8000, 1, DESC_NEXT, 0);
    driver.publish(0);
    lookUps = 0;
    assert.equal(queue.pop(chain), false);
    assert.equal(lookUps, SIZE);
  });

  test("a chain of more than 2^32 - 1 bytes in all", () => {
    assert.equal(chain.append(0, 0xffff_ffff, false), true);
    assert.equal(chain.append(0, 1, true), false);
  });
});

describe("a broken ring stops the queue for good", () => {
  test("an available index too far ahead", () => {
    driver.setAvailableIndex(SIZE + 1);
    assert.equal(queue.pop(chain), false);
    assert.equal(queue.isBroken, true);
    assert.equal(brokenCount, 1);
    driver.setAvailableIndex(1);
    assert.equal(queue.pop(chain), false);
    queue.pushUsed(0, 0);
    assert.deepEqual(driver.takeUsed(), []);
    assert.equal(queue.start(false), false);
    assert.equal(brokenCount, 1);
  });

  test("an available index behind", () => {
    serveOne();
    driver.setAvailableIndex(0);
    assert.equal(queue.pop(chain), false);
    assert.equal(queue.isBroken, true);
  });

  test("a head outside the table", () => {
    driver.publish(SIZE);
    assert.equal(queue.pop(chain), false);
    assert.equal(queue.isBroken, true);
    queue.reset();
    assert.equal(queue.isBroken, false);
  });
});

describe("where rings may be", () => {
  const places: [string, Partial<Pick<SplitQueue, "size" | "descriptorGpa" | "availableGpa" | "usedGpa">>][] =
    [
      ["size 0", { size: 0 }],
      ["size not a power of two", { size: 12 }],
      ["size above the largest", { size: 512 }],
      ["descriptors unaligned", { descriptorGpa: 0x1008 }],
      ["available ring unaligned", { availableGpa: 0x1001 }],
      ["used ring unaligned", { usedGpa: 0x1002 }],
      ["descriptors across the end of RAM", { descriptorGpa: RAM_BYTES - 64 }],
      ["available ring outside RAM", { availableGpa: RAM_BYTES }],
      ["used ring across the end of RAM", { usedGpa: RAM_BYTES - 8 }],
      ["beyond 2^53", { descriptorGpa: 2 ** 60 }],
    ];
  for (const [name, fields] of places) {
    test(`refuses ${name}`, () => {
      const other = new SplitQueue(memory, 256);
      Object.assign(other, { size: SIZE, descriptorGpa: 0x1000, availableGpa: 0x2000, usedGpa: 0x3000 });
      assert.equal(other.start(false), true);
      other.reset();
      Object.assign(
        other,
        { size: SIZE, descriptorGpa: 0x1000, availableGpa: 0x2000, usedGpa: 0x3000 },
        fields,
      );
      assert.equal(other.start(false), false);
      assert.equal(other.pop(chain), false);
    });
  }
});

describe("interrupt suppression", () => {
  test("by flag", () => {
    assert.equal(queue.takeInterruptDecision(), false);
    serveOne();
    assert.equal(queue.takeInterruptDecision(), true);
    assert.equal(queue.takeInterruptDecision(), false);
    driver.setAvailableFlags(1);
    serveOne();
    assert.equal(queue.takeInterruptDecision(), false);
  });

  test("by used_event: only when the index passes it", () => {
    connect(SIZE, true);
    driver.setUsedEvent(2);
    const decisions = [];
    for (let i = 0; i < 5; i++) {
      serveOne();
      decisions.push(queue.takeInterruptDecision());
    }
    assert.deepEqual(decisions, [false, false, true, false, false]);
  });

  test("by used_event: a batch that passes it interrupts once, also across the wrap of the index", () => {
    connect(SIZE, true);
    for (let i = 0; i < 0xffff; i++) {
      driver.writeDescriptor(0, 0x8000, 1, DESC_WRITE, 0);
      driver.publish(0);
      queue.pop(chain);
      queue.pushUsed(0, 0);
    }
    queue.takeInterruptDecision();
    driver.setUsedEvent(1);
    for (let i = 0; i < 3; i++) serveOne();
    assert.equal(queue.takeInterruptDecision(), true);
  });

  test("avail_event also asks after a whole ring of malformed chains", () => {
    connect(SIZE, true);
    for (let i = 0; i < SIZE; i++) driver.offer({ gpa: RAM_BYTES, sizeBytes: 1, isWritable: true });
    assert.equal(queue.pop(chain), false);
    assert.equal(driver.takeUsed().length, SIZE);
    assert.equal(driver.availEvent, SIZE);
  });

  test("avail_event asks for the next notification once the ring is empty", () => {
    connect(SIZE, true);
    serveOne();
    serveOne();
    assert.equal(driver.availEvent, 0);
    assert.equal(queue.pop(chain), false);
    assert.equal(driver.availEvent, 2);
  });
});

test("state survives a copy: the copy goes on where the original stood", () => {
  connect(SIZE, true);
  for (let i = 0; i < 5; i++) serveOne();
  queue.takeInterruptDecision();
  driver.takeUsed();
  const copy = new SplitQueue(memory, 256);
  copy.restore(structuredClone(queue.state()));
  assert.deepEqual(copy.state(), queue.state());
  assert.equal(copy.start(true), true);
  const head = driver.offer(arena.writable(3));
  assert.equal(copy.pop(chain), true);
  copy.pushUsed(chain.head, 3);
  assert.deepEqual(driver.takeUsed(), [{ head, writtenBytes: 3 }]);
});

test("nonsense in saved state is refused", () => {
  const good = queue.state();
  for (const bad of [
    { size: 7 },
    { size: 512 },
    { nextUsed: 65536 },
    { nextAvailable: -1 },
    { signalledUsed: 0.5 },
  ])
    assert.throws(() => queue.restore({ ...good, data: { ...(good.data as object), ...bad } }), {
      code: "snapshot.field",
    });
});
