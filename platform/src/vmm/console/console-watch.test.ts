import assert from "node:assert/strict";
import { test } from "node:test";
import { ConsoleWatch, KEPT_LINES } from "./console-watch.ts";

function watch(text: string, chunkBytes = 7): ConsoleWatch {
  const watched = new ConsoleWatch();
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) watched.push(bytes.subarray(at, at + chunkBytes));
  return watched;
}

test("a panic is seen with and without a time stamp, and is over at its last line", () => {
  const report =
    "[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n[    1.3] CPU: 0\r\n";
  const seen = watch(report);
  assert.equal(seen.panicMessage, "VFS: Unable to mount root fs");
  assert.equal(seen.isPanicOver, false);
  const over = watch(`${report}[    1.4] ---[ end Kernel panic - not syncing: VFS ]---\r\n`);
  assert.equal(over.isPanicOver, true);
  assert.equal(watch("Kernel panic - not syncing: x\n").panicMessage, "x");
  assert.equal(watch("[    1.2][    T1] Kernel panic - not syncing: x\n").panicMessage, "x");
});

test("the words elsewhere in a line are no panic", () => {
  assert.equal(watch("$ echo 'Kernel panic - not syncing: x'\n").panicMessage, undefined);
  assert.equal(watch("Kernel panic - not syncing: x").panicMessage, undefined);
});

test("the last lines are kept, cleaned, and one endless line does not grow", () => {
  const many = Array.from({ length: 100 }, (_, i) => `line ${i}\r\n`).join("");
  assert.deepEqual(watch(many).lines(), many.split("\r\n").slice(100 - KEPT_LINES, 100));
  assert.deepEqual(watch("\x1b[1;31mred\x1b[0m\rx\nlogin: ").lines(), ["redx", "login: "]);
  const endless = watch("a".repeat(100_000), 1000).lines();
  assert.equal(endless.length, 1);
  assert.ok((endless[0] as string).length <= 1400);
});
