// The portable engine: an x86-64 processor compiled to WebAssembly. `createPortableEngine` builds what is missing or stale first.

import type { Engine } from "@hearth/machine";
import { loadArtifacts } from "./build/load-artifacts.ts";
import { compileEngine } from "./runtime/artifacts.ts";
import { PortableEngine } from "./runtime/engine.ts";

export type { EngineArtifacts } from "./runtime/artifacts.ts";
export { PortableEngine };

/** HEARTH_REGIONS=0 in the environment interprets everything: to tell a fault of the region compiler from others. */
const REGIONS = process.env["HEARTH_REGIONS"] !== "0";

/** Loads the engine from its build folder. Throws HearthError engine.not-built when it is missing and cannot be built. */
export async function createPortableEngine(): Promise<Engine> {
  return new PortableEngine(await compileEngine(await loadArtifacts()), { regions: REGIONS });
}
