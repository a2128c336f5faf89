// The machine code that V8 has made of a WebAssembly module, as bytes. V8 can write and read it; Node has no way to ask for that
// but the functions of V8's own tests (V8's src/runtime/runtime-test-wasm.cc), so where they are missing there is no machine code.
// V8 refuses code of another version, other flags or another CPU. Code that is damaged, or of another module, it would run: who
// keeps it must know.

import { cachedDataVersionTag } from "node:v8";
import type { MachineCode } from "../runtime/artifacts.ts";

interface Natives {
  /** Functions that are not optimized yet are left out. */
  readonly serialize: (module: WebAssembly.Module) => ArrayBuffer;
  readonly deserialize: (code: ArrayBuffer, wasm: Uint8Array) => WebAssembly.Module | undefined;
}

/** Undefined where V8 has no such functions, or `setV8Flags` was not called. */
function findNatives(): Natives | undefined {
  try {
    return {
      serialize: new Function("module", "return %SerializeWasmModule(module)") as Natives["serialize"],
      deserialize: new Function(
        "code",
        "wasm",
        "return %DeserializeWasmModule(code, wasm)",
      ) as Natives["deserialize"],
    };
  } catch {
    return undefined;
  }
}

/** The way to V8's machine code; undefined where there is none. */
export function machineCode(): MachineCode | undefined {
  const natives = findNatives();
  return (
    natives && {
      of: (module) => new Uint8Array(natives.serialize(module)),
      // V8 takes a whole buffer, not a part of one.
      module: (wasm, code) => natives.deserialize(code.slice().buffer, wasm),
    }
  );
}

/** Differs where machine code of one V8 is of no use for the other: by version, flags and CPU. */
export function machineCodeTag(): string {
  return cachedDataVersionTag().toString(16).padStart(8, "0");
}
