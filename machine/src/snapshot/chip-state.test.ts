// Every kind of wrong field has its error, and right ones come through.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HearthError } from "../errors.ts";
import { StateFields, openState } from "./chip-state.ts";

const refused = (code: string) => (error: unknown) => error instanceof HearthError && error.code === code;

describe("chip state", () => {
  test("kind and version must fit", () => {
    assert.throws(() => openState({ kind: "a", version: 1, data: {} }, "b", 1), refused("snapshot.kind"));
    assert.throws(() => openState({ kind: "a", version: 2, data: {} }, "a", 1), refused("snapshot.version"));
    assert.throws(() => openState(undefined as never, "a", 1), refused("snapshot.kind"));
    assert.throws(() => openState({ kind: "a", version: 1, data: 7 }, "a", 1), refused("snapshot.field"));
  });

  test("fields that are right", () => {
    const fields = new StateFields("x", {
      n: 5,
      t: 1.5,
      b: true,
      big: 9n,
      list: [1, 2],
      bytes: Uint8Array.of(3),
      inner: { n: 1 },
      chip: { kind: "k", version: 1, data: {} },
    });
    assert.equal(fields.integer("n", 5), 5);
    assert.equal(fields.time("t"), 1.5);
    assert.equal(fields.boolean("b"), true);
    assert.equal(fields.bigint("big", 9n), 9n);
    assert.deepEqual(fields.integers("list", 2, 2), [1, 2]);
    assert.deepEqual(fields.bytes("bytes", 1), Uint8Array.of(3));
    assert.equal(fields.fields("inner").integer("n", 1), 1);
    assert.equal(fields.chip("chip").kind, "k");
  });

  const wrong: [name: string, value: unknown, read: (fields: StateFields) => unknown][] = [
    ["integer too large", 6, (f) => f.integer("v", 5)],
    ["negative integer", -1, (f) => f.integer("v", 5)],
    ["fraction", 1.5, (f) => f.integer("v", 5)],
    ["NaN", Number.NaN, (f) => f.integer("v", 5)],
    ["string", "1", (f) => f.integer("v", 5)],
    ["missing", undefined, (f) => f.integer("v", 5)],
    ["infinite time", Number.POSITIVE_INFINITY, (f) => f.time("v")],
    ["negative time", -1, (f) => f.time("v")],
    ["number as boolean", 1, (f) => f.boolean("v")],
    ["number as bigint", 1, (f) => f.bigint("v", 5n)],
    ["bigint too large", 6n, (f) => f.bigint("v", 5n)],
    ["list too short", [1], (f) => f.integers("v", 2, 5)],
    ["list too long", [1, 1, 1], (f) => f.integers("v", 2, 5)],
    ["bad item", [1, 9], (f) => f.integers("v", 2, 5)],
    ["long list", [1, 2], (f) => f.list("v", 1)],
    ["array as bytes", [1], (f) => f.bytes("v", 1)],
    ["too many bytes", new Uint8Array(2), (f) => f.bytes("v", 1)],
    ["null record", null, (f) => f.fields("v")],
    ["number as chip", 3, (f) => f.chip("v")],
  ];
  for (const [name, value, read] of wrong) {
    test(`refused: ${name}`, () =>
      assert.throws(() => read(new StateFields("x", { v: value })), refused("snapshot.field")));
  }

  test("the message names the field", () => {
    assert.throws(() => new StateFields("uart", {}).fields("fifo"), /uart\.fifo/);
  });
});
