import assert from "node:assert/strict";
import { test } from "node:test";
import { GuestOutput } from "./guest-output.ts";

test("programs are timed between their marks, across pieces of any size", () => {
  const output = new GuestOutput();
  output.feed("[    0.6] PCI: noise\r\n@@ boot", 900);
  assert.equal(output.bootedAtMs, undefined);
  output.feed(" end\r\n@@ sieve start\r\n", 1000);
  assert.equal(output.bootedAtMs, 1000);
  assert.deepEqual(output.feed("sum=000c841a guest_s=1.3326\r\n", 2400), []);
  assert.deepEqual(output.feed("@@ sieve end\r\n@@ all end\r\n", 2500), ["sieve"]);
  assert.deepEqual(output.programs.get("sieve"), { seconds: 1.5, checksum: "000c841a" });
  assert.equal(output.isFinished, true);
});

test("a bare number is a checksum too, but only inside a program", () => {
  const output = new GuestOutput();
  output.feed("17\n@@ gzip start\n282675\n@@ gzip end\n99\n", 5);
  assert.equal(output.programs.get("gzip")?.checksum, "282675");
});

test("a program without its end, or with another's, has no result", () => {
  const output = new GuestOutput();
  output.feed("@@ xz start\n@@ sieve end\n@@ membw start\nsum=1\n", 0);
  assert.equal(output.programs.size, 0);
  assert.equal(output.isFinished, false);
});

test("a kernel message in front of a mark does not hide it", () => {
  const output = new GuestOutput();
  output.feed("[    1.0] random: crng init done @@ boot end\n", 7);
  assert.equal(output.bootedAtMs, 7);
});
