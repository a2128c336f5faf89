// The processor of one machine: the core and the interpreter instantiated over the machine's memory. Its vCPUs take turns in it,
// so they share what is made from code: micro-ops, the handlers' table, compiled regions. What is a vCPU's own is in its area, and
// the bus of the one that runs.

import type { GuestMemory, VcpuBus } from "@hearth/machine";
import { REGION_SLOTS } from "../layout.ts";
import type { EngineProfile } from "../profile/engine-profile.ts";
import type { Translator } from "../translation/translator.ts";
import type { CompiledEngine } from "./artifacts.ts";
import { type BusSwitch, busFunctions } from "./bus-functions.ts";
import { watchDeviceWrites } from "./device-writes.ts";
import { HotCode } from "./hot/hot-code.ts";

/** The exports of the core that the runtime calls. */
export interface CoreExports {
  updateMode(cpu: number): void;
  resetTlb(cpu: number): void;
  getFlags(cpu: number): number;
  setFlags(cpu: number, flags: number): void;
  invalidateCodePage(page: number): void;
}

export interface ProcessorOptions {
  /** Without regions everything is interpreted. True if absent. */
  readonly regions?: boolean | undefined;
  /** Takes notes of the run. */
  readonly profile?: EngineProfile | undefined;
  /** Compiles regions; the processor does it by itself if absent. */
  readonly translator?: Translator | undefined;
}

interface InterpreterExports {
  run(cpu: number): number;
}

export class Processor {
  readonly core: CoreExports;
  /** Undefined where everything is interpreted. */
  readonly hotCode: HotCode | undefined;
  readonly #run: InterpreterExports["run"];
  readonly #switch: BusSwitch = { bus: undefined };

  constructor(
    compiled: CompiledEngine,
    wasmMemory: WebAssembly.Memory,
    memory: GuestMemory,
    { regions = true, profile, translator }: ProcessorOptions,
  ) {
    const { view } = memory;
    const env = { memory: wasmMemory, ...busFunctions(this.#switch, view) };
    const core = new WebAssembly.Instance(compiled.core, { env }).exports;
    const hearth = { memory: wasmMemory };
    const linked = { hearth, core: core as WebAssembly.ModuleImports };
    const interpreter = new WebAssembly.Instance(compiled.interpreter, linked).exports;
    this.core = core as unknown as CoreExports;
    const { run } = interpreter as unknown as InterpreterExports;
    this.#run = profile?.watchRun(run, memory) ?? run;
    const firstSlot = (interpreter["handlers"] as WebAssembly.Table).length - REGION_SLOTS;
    const parts = { view, memory: wasmMemory, core, interpreter, firstSlot, translator };
    this.hotCode = regions ? new HotCode(parts) : undefined;
    profile?.watchRegions(() => this.hotCode?.counts() ?? {});
    watchDeviceWrites(memory, (page) => this.core.invalidateCodePage(page));
  }

  /** Runs the vCPU at `area` on its bus and answers the exit code (EXIT_*). */
  run(area: number, bus: VcpuBus): number {
    this.#switch.bus = bus;
    return this.#run(area);
  }
}
