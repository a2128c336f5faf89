// The portable engine: one shared WebAssembly memory a machine, engine area below, guest RAM above (layout.ts).

import { assert, type Engine, GuestMemory, type Vcpu, type VcpuOptions } from "@hearth/machine";
import {
  DECODER_TABLE_BASE,
  ENGINE_ARENA_NEXT,
  ENGINE_RAM_HIGH_BYTES,
  ENGINE_RAM_LOW_BYTES,
  ENGINE_VCPU_COUNT,
  MAX_VCPUS,
  RAM_BASE,
  UOP_ARENA_BASE,
} from "../layout.ts";
import type { EngineProfile } from "../profile/engine-profile.ts";
import type { CompiledEngine } from "./artifacts.ts";
import type { Translator } from "../translation/translator.ts";
import { Processor } from "./processor.ts";
import { PortableVcpu } from "./vcpu.ts";

const WASM_PAGE = 65536;
/** A 32-bit WebAssembly memory less the engine area, and a little for what may be added there. */
export const MAX_RAM_BYTES = 3840 * 1024 * 1024;

export interface PortableEngineOptions {
  /** Without regions everything is interpreted. True if absent. */
  readonly regions?: boolean | undefined;
  /** Takes notes of one machine's run. */
  readonly profile?: EngineProfile | undefined;
  /** Compiles the regions of the one machine there will be. Each machine does it by itself if absent. */
  readonly translator?: Translator | undefined;
}

export class PortableEngine implements Engine {
  readonly name = "portable";
  readonly maxRamBytes = MAX_RAM_BYTES;
  readonly #compiled: CompiledEngine;
  readonly #options: PortableEngineOptions;
  readonly #memories = new WeakMap<GuestMemory, WebAssembly.Memory>();
  readonly #processors = new WeakMap<GuestMemory, Processor>();

  constructor(compiled: CompiledEngine, options: PortableEngineOptions = {}) {
    this.#compiled = compiled;
    this.#options = options;
  }

  createMemory(ramBytes: number): GuestMemory {
    const pages = Math.ceil((RAM_BASE + ramBytes) / WASM_PAGE);
    const wasmMemory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const memory = new GuestMemory(wasmMemory.buffer, RAM_BASE, ramBytes);
    const [low, high] = memory.regions;
    memory.bytes.set(this.#compiled.decoderTables, DECODER_TABLE_BASE);
    memory.view.setUint32(ENGINE_ARENA_NEXT, UOP_ARENA_BASE, true);
    memory.view.setBigUint64(ENGINE_RAM_LOW_BYTES, BigInt(low?.sizeBytes ?? 0), true);
    memory.view.setBigUint64(ENGINE_RAM_HIGH_BYTES, BigInt(high?.sizeBytes ?? 0), true);
    this.#memories.set(memory, wasmMemory);
    return memory;
  }

  createVcpu(memory: GuestMemory, options: VcpuOptions): Vcpu {
    assert(options.id >= 0 && options.id < MAX_VCPUS, "vCPU number out of range");
    const used = memory.view.getUint32(ENGINE_VCPU_COUNT, true);
    memory.view.setUint32(ENGINE_VCPU_COUNT, Math.max(used, options.id + 1), true);
    const bus = this.#options.profile?.watchBus(options.bus) ?? options.bus;
    return new PortableVcpu(this.#processorOf(memory), memory, { ...options, bus });
  }

  /** All vCPUs of a machine take turns in one. */
  #processorOf(memory: GuestMemory): Processor {
    const known = this.#processors.get(memory);
    if (known !== undefined) return known;
    const wasmMemory = this.#memories.get(memory);
    assert(wasmMemory, "the memory was not made by this engine");
    const made = new Processor(this.#compiled, wasmMemory, memory, this.#options);
    this.#processors.set(memory, made);
    return made;
  }
}
