// The engine with code compiled as soon as it runs, in slices as small as wanted: what the region compiler makes must do exactly what
// the interpreter does. Slow; for tests and soaks.

import { type Engine, ExitReason, type GuestMemory, type Vcpu, type VcpuOptions } from "@hearth/machine";
import type { PortableEngine } from "./engine.ts";
import type { PortableVcpu } from "./vcpu.ts";

/** Before every `sliceBlocks` blocks a region is made of what comes next; with 1 nothing at all is interpreted that can be compiled. */
export function eagerEngine(engine: PortableEngine, sliceBlocks: number): Engine {
  return {
    name: engine.name,
    maxRamBytes: engine.maxRamBytes,
    createMemory: (ramBytes) => engine.createMemory(ramBytes),
    createVcpu: (memory, options) => eagerVcpu(engine, memory, options, sliceBlocks),
  };
}

function eagerVcpu(
  engine: PortableEngine,
  memory: GuestMemory,
  options: VcpuOptions,
  sliceBlocks: number,
): Vcpu {
  const vcpu = engine.createVcpu(memory, options) as PortableVcpu;
  const run = vcpu.run.bind(vcpu);
  vcpu.run = (budget, endsAtPause) => {
    for (let left = budget; left > 0; left -= sliceBlocks) {
      vcpu.compileHere();
      const reason = run(Math.min(left, sliceBlocks), endsAtPause);
      if (reason !== ExitReason.Budget) return reason;
    }
    return ExitReason.Budget;
  };
  return vcpu;
}
