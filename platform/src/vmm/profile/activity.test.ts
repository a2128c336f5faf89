import assert from "node:assert/strict";
import { test } from "node:test";
import { activityOf } from "./activity.ts";

const wasm = (functionName: string) => ({ functionName, url: "wasm://wasm/0badcafe" });
const script = (path: string, functionName = "f") => ({ functionName, url: `file:///src/hearth/${path}` });
const native = (functionName: string) => ({ functionName, url: "" });
const RUN = [script("machine/src/machine.ts"), script("engines/portable/src/runtime/vcpu.ts"), wasm("run")];

test("inside the engine the name of the function decides", () => {
  assert.equal(activityOf(RUN), "run loop");
  assert.equal(activityOf([...RUN, wasm("jumpFar")]), "interpreter");
  assert.equal(activityOf([...RUN, wasm("mov 8b Gv,Ev (64, base)")]), "interpreter");
  assert.equal(activityOf([...RUN, wasm("region ffffffff81000000")]), "regions");
  const core = (name: string) => activityOf([...RUN, wasm("ret c3"), wasm(`src/core/${name}`)]);
  assert.equal(core("mmu/paging/walk"), "MMU");
  assert.equal(core("interrupts/gates/enterHandler"), "exceptions and interrupts");
  assert.equal(core("decode/decoder/decodeBlock"), "decoding");
  assert.equal(core("system/control/writeControl"), "system instructions");
  assert.equal(core("flags/getFlags"), "system instructions");
  assert.equal(core("x87/x87/fpuWait"), "strings, x87, SSE helpers");
  assert.equal(core("run/nextEntry"), "run loop");
});

test("a device called from the engine is a device", () => {
  const uart = script("machine/src/devices/serial/uart16550.ts");
  assert.equal(activityOf([...RUN, wasm("out ee"), native("wasm-to-js"), uart]), "devices");
});

test("what a script calls in the runtime counts as the script's", () => {
  const compiler = script("engines/portable/src/runtime/hot-code.ts", "#compile");
  assert.equal(activityOf([...RUN.slice(0, 2), compiler, native("Module")]), "region compiler");
  assert.equal(activityOf([...RUN.slice(0, 2), compiler, wasm("js-to-wasm:il:i")]), "region compiler");
  const table = script("engines/portable/src/isa/integer/arithmetic.ts");
  assert.equal(
    activityOf([{ functionName: "link", url: "node:internal/modules" }, table]),
    "region compiler",
  );
  assert.equal(activityOf([script("platform/src/vmm/runner/doorbell.ts", "sleep"), native("wait")]), "idle");
});

test("V8's own entries have names of their own", () => {
  assert.equal(activityOf([native("(idle)")]), "idle");
  assert.equal(activityOf([native("(program)")]), "other native code");
  assert.equal(activityOf([...RUN, native("(garbage collector)")]), "garbage collection");
  assert.equal(activityOf([native("something")]), "other native code");
});

test("a function may have the name of a method that every object has", () => {
  for (const name of ["toString", "constructor", "hasOwnProperty", "__proto__"])
    assert.equal(activityOf([script("platform/src/vmm/runner/runner.ts"), native(name)]), "runner", name);
});
