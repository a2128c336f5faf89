import assert from "node:assert/strict";
import { test } from "node:test";
import { TypedInput } from "./typed-input.ts";

test("bytes reach a small port in order and none is lost", () => {
  let room = 0;
  let typed = "";
  const input = new TypedInput((bytes) => {
    const taken = Math.min(room, bytes.length);
    typed += Buffer.from(bytes.subarray(0, taken)).toString();
    room -= taken;
    return taken;
  });
  input.push(Buffer.from("hello "));
  input.push(new Uint8Array(0));
  input.push(Buffer.from("world"));
  assert.equal(input.pump(), false);
  for (let i = 0; i < 4; i++) {
    room = 3;
    assert.equal(input.pump(), true);
  }
  assert.equal(typed, "hello world");
  assert.equal(input.pump(), false);
});
