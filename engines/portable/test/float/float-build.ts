/*
 * A module with nothing but the soft floats, for their own tests: the same sources and compiler options as
 * the engine's core, with a memory of one page to put operands in.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Any exported function: numbers for i32 and addresses, big integers for i64. */
export type FloatFunction = (...operands: (number | bigint)[]) => number | bigint;

/** The instantiated soft floats and a view of their memory. */
export type FloatModule = {
  readonly call: (name: string, ...operands: (number | bigint)[]) => number | bigint;
  readonly bytes: Uint8Array;
  readonly view: DataView;
};

function compile(output: string): void {
  const manifest = createRequire(import.meta.url).resolve("assemblyscript/package.json");
  const compiler = join(manifest, "..", "bin", "asc.js");
  const source = fileURLToPath(new URL("../../src/core/float/index.ts", import.meta.url));
  const memory = ["--importMemory", "--sharedMemory", "--initialMemory", "1", "--maximumMemory", "1"];
  const options = ["--runtime", "stub", "--enable", "simd,threads,bulk-memory", "--noAssert", "-O3"];
  execFileSync(process.execPath, [compiler, source, "-o", output, ...memory, ...options], { stdio: "pipe" });
}

/** Compiles and instantiates the soft floats (about four seconds). */
export function buildFloats(): FloatModule {
  const folder = mkdtempSync(join(tmpdir(), "hearth-float-"));
  try {
    const output = join(folder, "float.wasm");
    compile(output);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const module = new WebAssembly.Module(readFileSync(output));
    const abort = (): never => {
      throw new Error("the soft floats aborted");
    };
    const instance = new WebAssembly.Instance(module, { env: { memory, abort } });
    const functions = instance.exports as Record<string, FloatFunction>;
    const call = (name: string, ...operands: (number | bigint)[]): number | bigint => {
      const found = functions[name];
      if (found === undefined) throw new Error(`no function ${name}`);
      return found(...operands);
    };
    return { call, bytes: new Uint8Array(memory.buffer), view: new DataView(memory.buffer) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
