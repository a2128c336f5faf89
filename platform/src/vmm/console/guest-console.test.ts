import assert from "node:assert/strict";
import { test } from "node:test";
import { GuestConsole } from "./guest-console.ts";
import type { ToRunner } from "../runner/messages.ts";

function bench() {
  const sent: ToRunner[] = [];
  const console = new GuestConsole((message) => sent.push(message));
  const takenBytes = () =>
    sent.reduce((sum, message) => sum + (message.kind === "console-taken" ? message.sizeBytes : 0), 0);
  return { console, sent, takenBytes };
}

test("without a reader the guest is never held back and the last part is kept", async () => {
  const { console, takenBytes } = bench();
  for (let i = 0; i < 100; i++) console.receive(new Uint8Array(10_000).fill(i));
  assert.equal(takenBytes(), 1_000_000);
  console.end();
  let kept = 0;
  let last = -1;
  for await (const chunk of console) {
    kept += chunk.length;
    last = chunk[0] as number;
  }
  assert.ok(kept <= 256 * 1024 && kept > 200_000, `${kept}`);
  assert.equal(last, 99);
});

test("with a reader, bytes count as taken when the reader comes back for more", async () => {
  const { console, takenBytes } = bench();
  const reader = console[Symbol.asyncIterator]();
  const first = reader.next();
  console.receive(Buffer.from("hello"));
  assert.equal(Buffer.from((await first).value ?? []).toString(), "hello");
  assert.equal(takenBytes(), 0);
  const second = reader.next();
  console.end();
  assert.equal((await second).done, true);
  assert.equal(takenBytes(), 5);
});

test("typing after the end goes nowhere", () => {
  const { console, sent } = bench();
  console.write("a");
  console.end();
  console.write("b");
  assert.equal(sent.filter((message) => message.kind === "console-input").length, 1);
});
