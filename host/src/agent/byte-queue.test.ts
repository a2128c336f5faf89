// Chunks and the end of a byte queue, and that a producer of crumbs does not make it large.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteQueue, collect } from "./byte-queue.ts";

test("gives what was pushed in order, reports what was taken, then the failure", async () => {
  let takenBytes = 0;
  const queue = new ByteQueue((sizeBytes) => (takenBytes += sizeBytes));
  queue.push(Uint8Array.of(1, 2));
  queue.push(Uint8Array.of(3));
  const large = new Uint8Array(10_000).fill(4);
  queue.push(large);
  queue.end(new Error("lost"));
  assert.deepEqual(await queue.take(), Uint8Array.of(1, 2, 3));
  assert.equal(takenBytes, 3);
  assert.equal(await queue.take(), large);
  assert.equal(takenBytes, 10_003);
  await assert.rejects(queue.take(), /lost/);
});

test("a waiting reader gets what comes", async () => {
  const queue = new ByteQueue(() => {});
  const all = collect(queue);
  queue.push(Uint8Array.of(7));
  await Promise.resolve();
  queue.push(Uint8Array.of(8));
  queue.end();
  assert.deepEqual(await all, Uint8Array.of(7, 8));
});

test("single bytes out of large packets keep neither the packets nor an object each", async () => {
  const queue = new ByteQueue(() => {});
  const packet = new Uint8Array(65_536);
  for (let i = 0; i < 20_000; i++) queue.push(packet.subarray(i, i + 1));
  queue.end();
  let chunks = 0;
  let heldBytes = 0;
  for await (const chunk of queue) {
    chunks++;
    heldBytes += chunk.buffer.byteLength;
  }
  assert.equal(heldBytes, 20_000);
  assert.equal(chunks, 3);
});
