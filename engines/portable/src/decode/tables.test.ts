import assert from "node:assert/strict";
import { test } from "node:test";
import { instruction } from "../isa/lowering.ts";
import * as L from "../layout-decoder.ts";
import { layOutHandlers } from "./handlers.ts";
import { buildDecoderTables } from "./tables.ts";

const nothing = (): void => {};

function tablesOf(...forms: string[]): DataView {
  const handlers = layOutHandlers(forms.map((form) => instruction("test", [form], nothing)));
  return new DataView(buildDecoderTables(handlers).buffer);
}

/** Follows the nodes as the core does, with the choices given in order. */
function follow(view: DataView, map: number, opcode: number, ...choices: number[]): number {
  let ref = view.getUint16((map * 256 + opcode) * 2, true);
  for (const choice of choices) {
    assert.ok(ref !== 0 && (ref & L.REF_FORM) === 0, "a node is expected here");
    ref = view.getUint16(L.NODES_OFFSET + (ref + 1 + choice) * 2, true);
  }
  return ref;
}

const form = (index: number): number => L.REF_FORM | index;

test("an opcode with one form leads straight to it; others are undefined", () => {
  const view = tablesOf("88 Eb,Gb");
  assert.equal(follow(view, 0, 0x88), form(0));
  assert.equal(follow(view, 0, 0x89), 0);
});

test("a register in the opcode fills eight places", () => {
  const view = tablesOf("50+r Zv");
  for (let i = 0; i < 8; i++) assert.equal(follow(view, 0, 0x50 + i), form(0));
});

test("extensions, mandatory prefixes and modes choose", () => {
  const view = tablesOf(
    "80/0 Eb,Ib",
    "80/7 Eb,Ib",
    "np 0f 10 Vx,Wx",
    "66 0f 10 Vx,Wx",
    "c3 o64 end",
    "c3 v i64 end",
  );
  assert.equal(follow(view, 0, 0x80, 7), form(1));
  assert.equal(follow(view, 0, 0x80, 3), 0);
  assert.equal(follow(view, 1, 0x10, 1), form(3));
  assert.equal(follow(view, 1, 0x10, 2), 0);
  assert.deepEqual([follow(view, 0, 0xc3, 0), follow(view, 0, 0xc3, 1)], [form(5), form(4)]);
});

test("an exact ModRM byte beats its group, and a prefix the form without one", () => {
  const view = tablesOf("0f 01/7 Ev", "0f 01=f8", "90+r Zv,rAX", "f3 90");
  assert.equal(follow(view, 1, 0x01, 7, 1, 0), form(1));
  assert.equal(follow(view, 1, 0x01, 7, 1, 1), form(0));
  assert.equal(follow(view, 0, 0x90, 2), form(3));
  assert.equal(follow(view, 0, 0x90, 0), form(2));
});

test("two forms for the same bytes are refused", () => {
  assert.throws(() => tablesOf("88 Eb,Gb", "88 Gb,Eb"), /overlap/);
});

test("all instructions together have no overlap, and handler numbers fit their field", () => {
  const handlers = layOutHandlers();
  assert.ok(handlers.entries.length < 65536);
  assert.ok(buildDecoderTables(handlers).length > L.FORMS_OFFSET);
});
