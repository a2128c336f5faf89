// The portable engine: an x86-64 processor compiled to WebAssembly. `createPortableEngine` builds what is missing or stale first.

import type { Engine } from "@hearth/machine";
import { loadArtifacts } from "./build/load-artifacts.ts";
import { compileEngine } from "./runtime/artifacts.ts";
import type { EngineProfile } from "./profile/engine-profile.ts";
import { PortableEngine } from "./runtime/engine.ts";

export type { EngineArtifacts } from "./runtime/artifacts.ts";
export type { AccessCounts } from "./profile/counted-bus.ts";
export type { EngineCounters } from "./profile/counters.ts";
export { EngineProfile, type GuestSample, type SliceEnds } from "./profile/engine-profile.ts";
export { type Interruptible, Interrupter } from "./profile/interruption.ts";
export { regionAddress } from "./regions/region-name.ts";
export { PortableEngine };

/** HEARTH_REGIONS=0 in the environment interprets everything: to tell a fault of the region compiler from others. */
const REGIONS = process.env["HEARTH_REGIONS"] !== "0";

/**
 * Loads the engine from its build folder; a `profile` takes notes of one machine's run. Throws HearthError engine.not-built when
 * it is missing and cannot be built.
 */
export async function createPortableEngine(profile?: EngineProfile): Promise<Engine> {
  return new PortableEngine(await compileEngine(await loadArtifacts()), { regions: REGIONS, profile });
}
