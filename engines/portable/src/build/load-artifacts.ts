// Loading the engine's artifacts. The core is compiled by AssemblyScript's compiler, which only a checkout has; an installed
// package ships the build folder.

import { readFile } from "node:fs/promises";
import type { EngineArtifacts } from "../runtime/artifacts.ts";
import { ARTIFACT_FILES, isFresh } from "./artifact-files.ts";

/** Reads the artifacts, building them first if sources changed since. */
export async function loadArtifacts(): Promise<EngineArtifacts> {
  if (!isFresh()) {
    const { buildEngine } = await import("./build-engine.ts");
    await buildEngine();
  }
  const [core, interpreter, decoderTables] = await Promise.all(
    [ARTIFACT_FILES.core, ARTIFACT_FILES.interpreter, ARTIFACT_FILES.decoderTables].map((file) =>
      readFile(file),
    ),
  );
  return { core, interpreter, decoderTables } as EngineArtifacts;
}
