// The portable engine with regions where a test wants them, in slices as small as can be: what the region compiler makes must do
// exactly what the interpreter does.

import { type Engine, ExitReason, type GuestMemory, type Vcpu, type VcpuOptions } from "@hearth/machine";
import { Prng } from "@hearth/testkit/prng";
import { loadArtifacts } from "../src/build/load-artifacts.ts";
import { PortableEngine } from "../src/index.ts";
import { compileEngine } from "../src/runtime/artifacts.ts";
import { loadRegionCompiler } from "../src/runtime/hot/region-compiler.ts";
import type { PortableVcpu } from "../src/runtime/vcpu.ts";

/** Slices of the mixed engine: short ones end at any block, long ones let loops run inside a region. */
const SLICE_BLOCKS = [1, 2, 5, 20, 100];

/** Every piece of code is compiled before it runs. Without `regions` the code is interpreted, in slices as small. */
export function createEagerEngine(regions = true): Promise<Engine> {
  return createSlicedEngine(regions, () => () => ({ compiles: true, blocks: 1 }));
}

/**
 * Interpreted and compiled by turns, as the seed says: regions start anywhere and go over what ran before. Each vCPU starts with
 * the same seed. Without `regions` interpreted in the same slices.
 */
export function createMixedEngine(seed: number, regions = true): Promise<Engine> {
  return createSlicedEngine(regions, () => {
    const prng = new Prng(seed);
    return () => ({ compiles: prng.oneIn(3), blocks: prng.pick(SLICE_BLOCKS) });
  });
}

interface Slice {
  readonly compiles: boolean;
  readonly blocks: number;
}

/** `plan` is asked for each vCPU, what it answers for each slice. */
async function createSlicedEngine(regions: boolean, plan: () => () => Slice): Promise<Engine> {
  await loadRegionCompiler();
  const engine = new PortableEngine(await compileEngine(await loadArtifacts()), { regions });
  return {
    name: engine.name,
    maxRamBytes: engine.maxRamBytes,
    createMemory: (ramBytes) => engine.createMemory(ramBytes),
    createVcpu: (memory, options) => slicedVcpu(engine, memory, options, plan()),
  };
}

function slicedVcpu(
  engine: PortableEngine,
  memory: GuestMemory,
  options: VcpuOptions,
  next: () => Slice,
): Vcpu {
  const vcpu = engine.createVcpu(memory, options) as PortableVcpu;
  const run = vcpu.run.bind(vcpu);
  vcpu.run = (budget, endsAtPause) => {
    for (let left = budget; left > 0; ) {
      const { compiles, blocks } = next();
      if (compiles) vcpu.compileHere();
      const reason = run(Math.min(blocks, left), endsAtPause);
      if (reason !== ExitReason.Budget) return reason;
      left -= blocks;
    }
    return ExitReason.Budget;
  };
  return vcpu;
}
