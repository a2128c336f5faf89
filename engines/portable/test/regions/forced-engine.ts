// The portable engine with a compiled region at every place where a slice of one block ends: nothing is left to chance.

import { type Engine, ExitReason, type GuestMemory, type Vcpu, type VcpuOptions } from "@hearth/machine";
import { loadArtifacts } from "../../src/build/load-artifacts.ts";
import { PortableEngine } from "../../src/index.ts";
import { compileEngine } from "../../src/runtime/artifacts.ts";
import { loadRegionCompiler } from "../../src/runtime/hot-code.ts";
import type { PortableVcpu } from "../../src/runtime/vcpu.ts";

export async function createForcedEngine(): Promise<Engine> {
  await loadRegionCompiler();
  const engine = new PortableEngine(await compileEngine(await loadArtifacts()), { regions: true });
  return {
    name: engine.name,
    maxRamBytes: engine.maxRamBytes,
    createMemory: (ramBytes: number) => engine.createMemory(ramBytes),
    createVcpu: (memory: GuestMemory, options: VcpuOptions) =>
      compiling(engine.createVcpu(memory, options) as PortableVcpu),
  };
}

/** Runs block by block and compiles before each of them. */
function compiling(vcpu: PortableVcpu): Vcpu {
  const run = (budget: number): ExitReason => {
    for (let left = budget; left > 0; left--) {
      vcpu.compileHere();
      const exit = vcpu.run(1);
      if (exit !== ExitReason.Budget) return exit;
    }
    return ExitReason.Budget;
  };
  return new Proxy(vcpu, {
    get: (target, property) => {
      if (property === "run") return run;
      const value = Reflect.get(target, property, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
