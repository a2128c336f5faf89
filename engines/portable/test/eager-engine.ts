// The portable engine with every piece of code compiled to a region before it runs, in slices as small as can be: what the region
// compiler makes must do exactly what the interpreter does.

import { type Engine, ExitReason, type GuestMemory, type Vcpu, type VcpuOptions } from "@hearth/machine";
import { loadArtifacts } from "../src/build/load-artifacts.ts";
import { PortableEngine } from "../src/index.ts";
import { compileEngine } from "../src/runtime/artifacts.ts";
import { loadRegionCompiler } from "../src/runtime/hot/region-compiler.ts";
import type { PortableVcpu } from "../src/runtime/vcpu.ts";

const SLICE_BLOCKS = 1;

/** Without `regions` the code is interpreted, in slices as small. */
export async function createEagerEngine(regions = true): Promise<Engine> {
  await loadRegionCompiler();
  const engine = new PortableEngine(await compileEngine(await loadArtifacts()), { regions });
  return {
    name: engine.name,
    maxRamBytes: engine.maxRamBytes,
    createMemory: (ramBytes) => engine.createMemory(ramBytes),
    createVcpu: (memory, options) => eagerVcpu(engine, memory, options),
  };
}

function eagerVcpu(engine: PortableEngine, memory: GuestMemory, options: VcpuOptions): Vcpu {
  const vcpu = engine.createVcpu(memory, options) as PortableVcpu;
  const run = vcpu.run.bind(vcpu);
  vcpu.run = (budget, endsAtPause) => {
    for (let left = budget; left > 0; left -= SLICE_BLOCKS) {
      vcpu.compileHere();
      const reason = run(SLICE_BLOCKS, endsAtPause);
      if (reason !== ExitReason.Budget) return reason;
    }
    return ExitReason.Budget;
  };
  return vcpu;
}
