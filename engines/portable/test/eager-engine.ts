// The portable engine with every piece of code compiled to a region before it runs, in slices as small as can be: what the region
// compiler makes must do exactly what the interpreter does.

import type { Engine } from "@hearth/machine";
import { loadArtifacts } from "../src/build/load-artifacts.ts";
import { PortableEngine } from "../src/index.ts";
import { compileEngine } from "../src/runtime/artifacts.ts";
import { eagerEngine } from "../src/runtime/eager-engine.ts";
import { loadRegionCompiler } from "../src/runtime/hot/region-compiler.ts";

const SLICE_BLOCKS = 1;

/** Without `regions` the code is interpreted, in slices as small. */
export async function createEagerEngine(regions = true): Promise<Engine> {
  await loadRegionCompiler();
  const engine = new PortableEngine(await compileEngine(await loadArtifacts()), { regions });
  return eagerEngine(engine, SLICE_BLOCKS);
}
