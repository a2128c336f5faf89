/*
 * A module with nothing but the soft floats, for their own tests: the same sources and compiler options as
 * the engine's core, with a memory of one page to put operands in.
 */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildOnce } from "./build-once.ts";

/** Any exported function: numbers for i32 and addresses, big integers for i64. */
export type FloatFunction = (...operands: (number | bigint)[]) => number | bigint;

/** The instantiated soft floats and a view of their memory. */
export type FloatModule = {
  readonly call: (name: string, ...operands: (number | bigint)[]) => number | bigint;
  readonly bytes: Uint8Array;
  readonly view: DataView;
};

const folder = fileURLToPath(new URL("../../src/core/float/", import.meta.url));

function compile(output: string): void {
  const manifest = createRequire(import.meta.url).resolve("assemblyscript/package.json");
  const compiler = join(manifest, "..", "bin", "asc.js");
  const source = join(folder, "index.ts");
  const memory = ["--importMemory", "--sharedMemory", "--initialMemory", "1", "--maximumMemory", "1"];
  const options = ["--runtime", "stub", "--enable", "simd,threads,bulk-memory", "--noAssert", "-O3"];
  execFileSync(process.execPath, [compiler, source, "-o", output, ...memory, ...options], { stdio: "pipe" });
}

/** Instantiates the soft floats, compiling them first (some seconds) when their sources have changed. */
export function buildFloats(): FloatModule {
  const sources = readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
  const module = new WebAssembly.Module(readFileSync(buildOnce("float.wasm", sources, compile)));
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const functions = instance.exports as Record<string, FloatFunction>;
  const call = (name: string, ...operands: (number | bigint)[]): number | bigint => {
    const found = functions[name];
    if (found === undefined) throw new Error(`no function ${name}`);
    return found(...operands);
  };
  return { call, bytes: new Uint8Array(memory.buffer), view: new DataView(memory.buffer) };
}
