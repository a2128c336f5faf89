import assert from "node:assert/strict";
import { test } from "node:test";
import { optimizedAtOnce } from "./compilation-hints.ts";
import { i32 } from "./expressions.ts";
import { ModuleBuilder } from "./module.ts";

function twoFunctions(): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  const signature = { params: [], results: ["i32" as const] };
  builder.exportFunction("one", builder.addFunction(signature, [], i32.const(1).code));
  builder.exportFunction("two", builder.addFunction(signature, [], i32.const(2).code));
  return builder.build();
}

test("the hinted module has one hint a function, before the code, and does the same", () => {
  const hinted = optimizedAtOnce(twoFunctions());
  const module = new WebAssembly.Module(hinted);
  const sections = WebAssembly.Module.customSections(module, "compilationHints");
  assert.deepEqual(
    sections.map((s) => [...new Uint8Array(s)]),
    [[2, 0x2a, 0x2a]],
  );
  const { exports } = new WebAssembly.Instance(module);
  assert.equal((exports["two"] as () => number)(), 2);
});

test("a module without functions stays one", () => {
  const empty = new ModuleBuilder().build();
  assert.deepEqual(WebAssembly.Module.exports(new WebAssembly.Module(optimizedAtOnce(empty))), []);
});
