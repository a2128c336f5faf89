// Loading the engine's artifacts. The core is compiled by AssemblyScript's compiler, which only a checkout has; an installed
// package ships the build folder.

import { readFile } from "node:fs/promises";
import type { EngineArtifacts, EngineModule } from "../runtime/artifacts.ts";
import { ARTIFACT_FILES, isFresh } from "./artifact-files.ts";
import { readPrecompiled } from "./precompiled.ts";

/** Reads the artifacts, building them first if sources changed since. */
export async function loadArtifacts(): Promise<EngineArtifacts> {
  if (!isFresh()) {
    const { buildEngine } = await import("./build-engine.ts");
    await buildEngine();
  }
  const [core, interpreter, decoderTables] = await Promise.all([
    loadModule(ARTIFACT_FILES.core),
    loadModule(ARTIFACT_FILES.interpreter),
    readFile(ARTIFACT_FILES.decoderTables),
  ]);
  return { core, interpreter, decoderTables };
}

async function loadModule(path: string): Promise<EngineModule> {
  const wasm = new Uint8Array(await readFile(path));
  return { wasm, code: await readPrecompiled(wasm) };
}
