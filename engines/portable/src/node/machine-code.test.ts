import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { machineCode } from "./machine-code.ts";

/** (func (export "f") (param i32) (result i32) local.get 0 i32.const 7 i32.add), in a second module with 8. */
const adding = (constant: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f],
    ...[3, 2, 1, 0],
    ...[7, 5, 1, 1, 0x66, 0, 0],
    ...[10, 9, 1, 7, 0, 0x20, 0, 0x41, constant, 0x6a, 0x0b],
  ]);

/** Runs `body` in a process of its own, where flags can be set; answers what it prints. */
function inProcess(body: string, ...args: readonly string[]): string {
  const url = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const script = `
    import { setV8Flags } from ${url("./v8-flags.ts")};
    import { machineCode } from ${url("./machine-code.ts")};
    import { optimizedAtOnce } from ${url("../encoder/compilation-hints.ts")};
    setV8Flags();
    const wasm = optimizedAtOnce(Uint8Array.from([${adding(7)}]));
    ${body}`;
  return execFileSync(process.execPath, ["--input-type=module", "-e", script, ...args], { encoding: "utf8" });
}

const MAKE = `console.log(Buffer.from(machineCode().of(new WebAssembly.Module(wasm))).toString("hex"));`;
const USE = `
  const module = machineCode().module(wasm, Uint8Array.from(Buffer.from(process.argv[1], "hex")));
  console.log(module && new WebAssembly.Instance(module).exports.f(10));`;

test("code that one process made runs in another one", () => {
  const code = inProcess(MAKE).trim();
  assert.ok(code.length > 100);
  assert.equal(inProcess(USE, code).trim(), "17");
});

test("a shell is enough for it, and each goes with its own code", () => {
  const printed = inProcess(`
    const { moduleShell } = await import(${JSON.stringify(new URL("../encoder/module-shell.ts", import.meta.url).href)});
    const other = optimizedAtOnce(Uint8Array.from([${adding(8)}]));
    const results = [wasm, other].map((full, i) => {
      const code = machineCode().of(new WebAssembly.Module(full));
      const shell = moduleShell(full, Uint8Array.of(i));
      if (shell.includes(0x6a)) throw new Error("there is a body");
      return new WebAssembly.Instance(machineCode().module(shell, code)).exports.f(10);
    });
    console.log(results.join());`);
  assert.equal(printed.trim(), "17,18");
});

test("code of another V8 is of no use", () => {
  const code = inProcess(MAKE).trim();
  for (let word = 0; word < 4; word++) {
    const at = word * 8;
    const changed = code.slice(0, at) + (code[at] === "0" ? "1" : "0") + code.slice(at + 1);
    assert.equal(inProcess(USE, changed).trim(), "undefined", `word ${word} of the header`);
  }
});

test("where V8's flags are not set there is no way to its code", () => {
  assert.equal(machineCode(), undefined);
});
