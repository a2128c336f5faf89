// What the build makes and the runtime loads: two WebAssembly modules and the decoder's tables.

export interface EngineArtifacts {
  /** The core, compiled from AssemblyScript. */
  readonly core: Uint8Array<ArrayBuffer>;
  /** The interpreter's handlers, generated from the instruction tables. */
  readonly interpreter: Uint8Array<ArrayBuffer>;
  readonly decoderTables: Uint8Array;
}

export interface CompiledEngine {
  readonly core: WebAssembly.Module;
  readonly interpreter: WebAssembly.Module;
  readonly decoderTables: Uint8Array;
}

export async function compileEngine(artifacts: EngineArtifacts): Promise<CompiledEngine> {
  const [core, interpreter] = await Promise.all([
    WebAssembly.compile(artifacts.core),
    WebAssembly.compile(artifacts.interpreter),
  ]);
  return { core, interpreter, decoderTables: artifacts.decoderTables };
}
