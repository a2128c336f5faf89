// What the build makes and the runtime loads: two WebAssembly modules and the decoder's tables, and where the host's compiler
// can give and take it, the machine code of the modules.

import { optimizedAtOnce } from "../encoder/compilation-hints.ts";

export interface EngineArtifacts {
  readonly core: EngineModule;
  /** The interpreter's handlers, generated from the instruction tables. */
  readonly interpreter: EngineModule;
  readonly decoderTables: Uint8Array;
}

export interface EngineModule {
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** Made from `wasm` in this very environment. */
  readonly code?: Uint8Array<ArrayBuffer> | undefined;
}

export interface CompiledEngine {
  readonly core: WebAssembly.Module;
  readonly interpreter: WebAssembly.Module;
  readonly decoderTables: Uint8Array;
}

/** The way to code that the host's WebAssembly compiler has made. */
export interface MachineCode {
  /** Of the functions that are optimized. */
  of(module: WebAssembly.Module): Uint8Array<ArrayBuffer>;
  /** The module of `wasm` with code that `of` gave for it; undefined when the compiler has no use for the code. */
  module(wasm: Uint8Array<ArrayBuffer>, code: Uint8Array<ArrayBuffer>): WebAssembly.Module | undefined;
}

export async function compileEngine(
  { core, interpreter, decoderTables }: EngineArtifacts,
  machineCode?: MachineCode,
): Promise<CompiledEngine> {
  const modules = await Promise.all([core, interpreter].map((module) => compileModule(module, machineCode)));
  return {
    core: modules[0] as WebAssembly.Module,
    interpreter: modules[1] as WebAssembly.Module,
    decoderTables,
  };
}

/** Without machine code functions are compiled when they are called, and optimized when they have proved hot. */
async function compileModule(
  { wasm, code }: EngineModule,
  machineCode?: MachineCode,
): Promise<WebAssembly.Module> {
  const ready = code && machineCode?.module(optimizedAtOnce(wasm), code);
  return ready ?? WebAssembly.compile(wasm);
}
