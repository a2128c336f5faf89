// The identifier stands in memory, changes with one interrupt.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingLine } from "@hearth/testkit/recording-line";
import { AssertionError } from "../../errors.ts";
import { GuestMemory } from "../../memory/guest-memory.ts";
import { VmGenId } from "./vmgenid.ts";

const memory = new GuestMemory(new ArrayBuffer(8192), 0, 8192);
const id = (byte: number): Uint8Array => new Uint8Array(16).fill(byte);

test("a change is a new identifier and one edge", () => {
  const line = new RecordingLine();
  const device = new VmGenId(memory, 0x1000, id(1), line);
  assert.deepEqual([...memory.slice(0x1000, 17)], [...id(1), 0]);
  assert.equal(line.takeEdges(), 0);
  device.change(id(2));
  assert.deepEqual([...memory.slice(0x1000, 16)], [...id(2)]);
  assert.equal(line.takeEdges(), 1);
  assert.equal(line.isHigh, false);
});

test("a wrong place or size is our bug", () => {
  assert.throws(() => new VmGenId(memory, 8190, id(1), new RecordingLine()), AssertionError);
  assert.throws(() => new VmGenId(memory, 0, new Uint8Array(15), new RecordingLine()), AssertionError);
});
