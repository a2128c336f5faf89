// The console: output in order, bounded input, size, sinks that answer at once.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { REG } from "@hearth/testkit/virtio/mock-driver";
import type { MockQueue } from "@hearth/testkit/virtio/mock-queue";
import { plugIn, type VirtioRig } from "@hearth/testkit/virtio/rig";
import { ConsoleDevice, MAX_CONSOLE_INPUT_BYTES } from "./console-device.ts";

let output: string;
let outputBytes: number;
let onOutput: () => void;
let device: ConsoleDevice;
let rig: VirtioRig;
let rx: MockQueue;
let tx: MockQueue;

function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value));
}

beforeEach(() => {
  output = "";
  outputBytes = 0;
  onOutput = () => {};
  device = new ConsoleDevice((chunk) => {
    outputBytes += chunk.length;
    output += Buffer.from(chunk).toString();
    onOutput();
  });
  rig = plugIn(device, 4 * 1024 * 1024);
  [rx, tx] = rig.driver.start() as [MockQueue, MockQueue];
});

test("output arrives in order, whatever its framing", () => {
  const { arena } = rig.driver;
  tx.offer(arena.readable(text("hel")), arena.readable(text("lo ")));
  tx.offer(arena.readable(text("world")));
  rig.driver.notify(1);
  assert.equal(output, "hello world");
  assert.equal(tx.takeUsed().length, 2);
  assert.equal(rig.driver.takeInterrupts(), 1);
});

test("input fills the buffers offered, before or after it comes", () => {
  const { arena } = rig.driver;
  const [one, two] = [arena.writable(4), arena.writable(10)];
  rx.offer(one);
  rig.driver.notify(0);
  assert.equal(device.write(text("abcdef")), 6);
  assert.deepEqual(
    rx.takeUsed().map((used) => used.writtenBytes),
    [4],
  );
  rx.offer(two);
  rig.driver.notify(0);
  assert.deepEqual(
    rx.takeUsed().map((used) => used.writtenBytes),
    [2],
  );
  assert.equal(Buffer.from(arena.contentOf(two)).subarray(0, 2).toString(), "ef");
  assert.equal(rig.line.takeEdges() > 0, true);
});

test("input for a guest that does not read is bounded", () => {
  assert.equal(device.write(new Uint8Array(MAX_CONSOLE_INPUT_BYTES - 1)), MAX_CONSOLE_INPUT_BYTES - 1);
  assert.equal(device.write(new Uint8Array(10)), 1);
  assert.equal(device.write(new Uint8Array(10)), 0);
});

test("a sink may give input while output is taken", () => {
  const { arena } = rig.driver;
  const answer = arena.writable(8);
  rx.offer(answer);
  rig.driver.notify(0);
  onOutput = () => device.write(text("pong"));
  // Two pieces: the second is read after the sink has had its say about the first.
  const long = arena.readable(new Uint8Array(100_000).fill(0x41));
  const heads = [tx.offer(long), tx.offer(arena.readable(text("!")))];
  rig.driver.notify(1);
  assert.deepEqual(
    tx.takeUsed().map((used) => used.head),
    heads,
  );
  assert.equal(output, `${"A".repeat(100_000)}!`);
  assert.equal(Buffer.from(arena.contentOf(answer)).subarray(0, 4).toString(), "pong");
});

test("output that the host holds stays in the ring, in order", () => {
  const { arena } = rig.driver;
  onOutput = () => device.holdOutput();
  for (const word of ["a", "b", "c"]) tx.offer(arena.readable(text(word)));
  rig.driver.notify(1);
  assert.equal(output, "a");
  assert.equal(tx.takeUsed().length, 1);
  rig.driver.notify(1);
  assert.equal(output, "a");
  onOutput = () => {};
  device.resumeOutput();
  assert.equal(output, "abc");
  assert.equal(tx.takeUsed().length, 2);
});

test("one buffer of output is cut at 1 MiB", () => {
  const half = { gpa: 0x1000, sizeBytes: 1024 * 1024, isWritable: false };
  tx.offer(half, half, half);
  rig.driver.notify(1);
  assert.equal(outputBytes, 1024 * 1024);
  assert.equal(tx.takeUsed().length, 1);
});

test("size is in the configuration, and a change is announced", () => {
  assert.equal(rig.transport.readMmio(REG.config, 4), 80 + 25 * 65536);
  const generation = rig.driver.read(REG.configGeneration);
  device.resize(132, 50);
  assert.equal(rig.transport.readMmio(REG.config, 2), 132);
  assert.equal(rig.driver.read(REG.configGeneration), generation + 1);
  assert.equal(rig.driver.takeInterrupts(), 2);
});

test("input that waits is part of the state", () => {
  device.write(text("later"));
  const saved = structuredClone(rig.transport.state());
  device.reset();
  rig.transport.restore(saved);
  const buffer = rig.driver.arena.writable(8);
  rx.offer(buffer);
  rig.driver.notify(0);
  assert.equal(Buffer.from(rig.driver.arena.contentOf(buffer)).subarray(0, 5).toString(), "later");
  assert.throws(() => device.restore({ kind: "virtio-console", version: 1, data: {} }, undefined), {
    code: "snapshot.field",
  });
});
