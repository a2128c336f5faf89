// The portable engine: an x86-64 processor compiled to WebAssembly. `createPortableEngine` builds what is missing or stale first.

import type { Engine } from "@hearth/machine";
import { loadArtifacts } from "./build/load-artifacts.ts";
import { compileEngine } from "./runtime/artifacts.ts";
import type { EngineProfile } from "./profile/engine-profile.ts";
import type { TranslationLink } from "./node/connect.ts";
import { machineCode } from "./node/machine-code.ts";
import { RemoteTranslator } from "./node/remote-translator.ts";
import { eagerEngine } from "./runtime/eager-engine.ts";
import { PortableEngine } from "./runtime/engine.ts";
import { loadRegionCompiler } from "./runtime/hot/region-compiler.ts";

export type { EngineArtifacts } from "./runtime/artifacts.ts";
export type { AccessCounts } from "./profile/counted-bus.ts";
export type { EngineCounters } from "./profile/counters.ts";
export { EngineProfile, type GuestSample, type SliceEnds } from "./profile/engine-profile.ts";
export { type Interruptible, Interrupter } from "./profile/interruption.ts";
export { regionAddress } from "./regions/region-name.ts";
export { PortableEngine };

/**
 * HEARTH_REGIONS in the environment tells a fault of the region compiler from others: `0` interprets everything, `forced` compiles
 * whatever runs without waiting for it to be hot.
 */
const REGIONS = process.env["HEARTH_REGIONS"];
const FORCED_SLICE_BLOCKS = 512;

/**
 * Loads the engine from its build folder; a `profile` takes notes of one machine's run. With a `translation` link the engine is for
 * one machine, whose regions another thread compiles. Throws HearthError engine.not-built when the engine is missing and cannot be
 * built.
 */
export async function createPortableEngine(
  profile?: EngineProfile,
  translation?: TranslationLink,
): Promise<Engine> {
  const compiled = await compileEngine(await loadArtifacts(), machineCode());
  const translator = translation && new RemoteTranslator(translation);
  const engine = new PortableEngine(compiled, { regions: REGIONS !== "0", profile, translator });
  if (REGIONS !== "forced") return engine;
  await loadRegionCompiler();
  return eagerEngine(engine, FORCED_SLICE_BLOCKS);
}
