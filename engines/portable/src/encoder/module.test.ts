import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  callIndirect,
  i32,
  i64,
  ifElse,
  ifThen,
  localGet,
  localSet,
  loopWhile,
  returnCallIndirect,
  returnValue,
  select,
  truncSat,
  v128,
} from "./expressions.ts";
import { ModuleBuilder, type Signature } from "./module.ts";

const UNARY: Signature = { params: ["i32"], results: ["i32"] };

function instantiate(builder: ModuleBuilder, imports: WebAssembly.Imports = {}): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(builder.build()), imports).exports;
}

/** One exported function of one i32. */
function compiled(
  code: ReturnType<typeof localSet>,
  locals: readonly ("i32" | "i64")[] = [],
): (x: number) => number {
  const builder = new ModuleBuilder();
  builder.exportFunction("f", builder.addFunction(UNARY, locals, code));
  return instantiate(builder)["f"] as (x: number) => number;
}

const X = localGet(0, "i32");

test("expressions compute what their names say", () => {
  assert.equal(compiled(i32.add(X, i32.const(-5)).code)(3), -2);
  assert.equal(compiled(i32.wrap(i64.shrU(i64.extend32S(X), i64.const(60))).code)(-1), 15);
  assert.equal(compiled(select(i32.const(7), i32.const(9), X).code)(0), 9);
  assert.equal(compiled(ifElse(X, i32.const(1), i32.const(2)).code)(5), 1);
  assert.equal(
    compiled(truncSat.i32FromF64({ type: "f64", code: [0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f] }).code)(0),
    0x7fffffff,
  );
});

test("statements: locals, conditions, loops, early return", () => {
  const sum = localGet(1, "i32");
  const body = [
    localSet(1, i32.add(sum, X)),
    localSet(0, i32.sub(X, i32.const(1))),
    ifThen(i32.gtS(sum, i32.const(1000)), returnValue(i32.const(-1))),
  ];
  const total = compiled([loopWhile(body, i32.gtS(X, i32.const(0))), sum.code], ["i32"]);
  assert.equal(total(10), 55);
  assert.equal(total(100), -1);
});

test("vectors: a shuffle takes bytes of both operands", () => {
  const bytes = v128.const(Array.from({ length: 16 }, (_, i) => i));
  const shuffled = v128.shuffle(bytes, bytes, [15, 31, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  assert.equal(compiled(v128.extractLane(0x1b, "i32", 0)(shuffled).code)(0), 0x0100_0f0f);
});

test("calls: imports come first, the table holds what it was given, tail calls go through it", () => {
  const builder = new ModuleBuilder();
  const twice = builder.importFunction("host", "twice", UNARY);
  const type = builder.typeOf(UNARY);
  const increment = builder.addFunction(UNARY, [], i32.add(X, i32.const(1)).code);
  const doubled = builder.addFunction(UNARY, [], call(twice, [X], "i32").code);
  builder.setTable([increment, doubled]);
  const through = callIndirect(type, [i32.const(20)], X, "i32");
  builder.exportFunction("through", builder.addFunction(UNARY, [], through.code));
  builder.exportFunction(
    "tail",
    builder.addFunction(UNARY, [], returnCallIndirect(type, [i32.const(30)], X)),
  );
  const exports = instantiate(builder, { host: { twice: (x: number) => x * 2 } });
  const f = (name: string, x: number): number => (exports[name] as (x: number) => number)(x);
  assert.deepEqual([f("through", 0), f("through", 1), f("tail", 0), f("tail", 1)], [21, 40, 31, 60]);
});

test("equal signatures share a type", () => {
  const builder = new ModuleBuilder();
  assert.equal(builder.typeOf(UNARY), builder.typeOf({ params: ["i32"], results: ["i32"] }));
  assert.notEqual(builder.typeOf(UNARY), builder.typeOf({ params: ["i64"], results: ["i32"] }));
});
