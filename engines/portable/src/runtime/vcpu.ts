// A vCPU of the portable engine: the core and the interpreter instantiated over the machine's memory, and the fields of the
// vCPU's area that the machine reads and writes between runs.

import {
  ExitReason,
  type GuestMemory,
  type Vcpu,
  type VcpuBus,
  type VcpuOptions,
  type VcpuRegisters,
} from "@hearth/machine";
import {
  CPU_BUDGET,
  CPU_BUDGET_ASIDE,
  CPU_CPUID_COUNT,
  CPU_CPUID_LEAVES,
  CPU_DR6,
  CPU_DR7,
  CPU_FCW,
  CPU_FLOAT_SCRATCH,
  CPU_HALTED,
  CPU_ID,
  CPU_INTERRUPT_REQUEST,
  CPU_KICK,
  CPU_MXCSR,
  CPU_NMI_REQUEST,
  CPU_TSC_FREQUENCY,
  EXIT_HALT,
  EXIT_SHUTDOWN,
  EXIT_STOP,
  MAX_CPUID_LEAVES,
  REGION_SLOTS,
  VCPU_AREA_BASE,
  VCPU_AREA_SIZE,
} from "../layout.ts";
import type { CompiledEngine } from "./artifacts.ts";
import { HotCode } from "./hot-code.ts";
import { watchDeviceWrites } from "./device-writes.ts";
import { describeRegisters } from "./describe.ts";
import { readRegisters, writeRegisters } from "./registers.ts";

/** The exports of the core that the runtime calls. */
interface CoreExports {
  updateMode(cpu: number): void;
  flushTlb(cpu: number, withGlobal: number): void;
  getFlags(cpu: number): number;
  setFlags(cpu: number, flags: number): void;
  invalidateCodePage(page: number): void;
}

interface InterpreterExports {
  run(cpu: number): number;
}

export class PortableVcpu implements Vcpu {
  readonly id: number;
  readonly #area: number;
  readonly #view: DataView;
  readonly #words: Int32Array;
  readonly #core: CoreExports;
  readonly #interpreter: InterpreterExports;
  readonly #hotCode: HotCode | undefined;

  constructor(
    compiled: CompiledEngine,
    wasmMemory: WebAssembly.Memory,
    memory: GuestMemory,
    options: VcpuOptions,
    regions: boolean,
  ) {
    this.id = options.id;
    this.#area = VCPU_AREA_BASE + options.id * VCPU_AREA_SIZE;
    this.#view = memory.view;
    this.#words = new Int32Array(memory.buffer, this.#area, VCPU_AREA_SIZE / 4);
    const imports = { memory: wasmMemory, ...hostFunctions(options.bus, memory.view) };
    const core = new WebAssembly.Instance(compiled.core, { env: imports }).exports;
    const hearth = { memory: wasmMemory };
    const linked = { hearth, core: core as WebAssembly.ModuleImports };
    const interpreter = new WebAssembly.Instance(compiled.interpreter, linked).exports;
    this.#core = core as unknown as CoreExports;
    this.#interpreter = interpreter as unknown as InterpreterExports;
    const parts = { view: this.#view, area: this.#area, memory: wasmMemory, core, interpreter };
    const firstSlot = (interpreter["handlers"] as WebAssembly.Table).length - REGION_SLOTS;
    this.#hotCode = regions ? new HotCode({ ...parts, firstSlot }) : undefined;
    watchDeviceWrites(memory, (page) => this.#core.invalidateCodePage(page));
    this.#reset(options);
  }

  run(budget: number): ExitReason {
    this.#words[CPU_BUDGET >> 2] = budget;
    this.#words[CPU_BUDGET_ASIDE >> 2] = 0;
    const exit = this.#interpreter.run(this.#area);
    if (exit === EXIT_HALT) return ExitReason.Halt;
    if (exit === EXIT_SHUTDOWN) return ExitReason.Shutdown;
    if (exit !== EXIT_STOP) return ExitReason.Failure;
    if (Atomics.exchange(this.#words, CPU_KICK >> 2, 0) !== 0) return ExitReason.Kicked;
    this.#hotCode?.sample();
    return ExitReason.Budget;
  }

  /** Compiles the code at RIP without waiting for it to be hot; false when it cannot be compiled. For tests. */
  compileHere(): boolean {
    return this.#hotCode?.compileHere() ?? false;
  }

  setInterruptRequest(pending: boolean): void {
    this.#words[CPU_INTERRUPT_REQUEST >> 2] = pending ? 1 : 0;
    if (pending) this.#attend();
  }

  requestNmi(): void {
    this.#words[CPU_NMI_REQUEST >> 2] = 1;
    this.#attend();
  }

  kick(): void {
    Atomics.store(this.#words, CPU_KICK >> 2, 1);
    this.#attend();
  }

  getRegisters(): VcpuRegisters {
    const flags = this.#core.getFlags(this.#area) >>> 0;
    return readRegisters(this.#view, this.#area, BigInt(flags));
  }

  setRegisters(registers: VcpuRegisters): void {
    writeRegisters(this.#view, this.#area, registers);
    this.#core.setFlags(this.#area, Number(registers.rflags & 0xffff_ffffn));
    this.#words[CPU_HALTED >> 2] = 0;
    this.#core.flushTlb(this.#area, 1);
    this.#core.updateMode(this.#area);
  }

  describe(): string {
    return describeRegisters(this.id, this.getRegisters());
  }

  /** Ends the running block's budget; the run loop looks at requests there and goes on with what was left. */
  #attend(): void {
    const left = Atomics.exchange(this.#words, CPU_BUDGET >> 2, 0);
    Atomics.add(this.#words, CPU_BUDGET_ASIDE >> 2, left);
  }

  /** Values after reset of what `setRegisters` does not name. SDM volume 3, table 10-1; x87 and SSE as FNINIT leaves them. */
  #reset(options: VcpuOptions): void {
    const view = this.#view;
    view.setUint32(this.#area + CPU_ID, options.id, true);
    view.setFloat64(this.#area + CPU_TSC_FREQUENCY, options.tscFrequencyHz, true);
    view.setUint16(this.#area + CPU_FCW, 0x37f, true);
    view.setUint32(this.#area + CPU_MXCSR, 0x1f80, true);
    view.setBigUint64(this.#area + CPU_DR6, 0xffff_0ff0n, true);
    view.setBigUint64(this.#area + CPU_DR7, 0x400n, true);
    const leaves = options.cpuid.slice(0, MAX_CPUID_LEAVES);
    view.setUint32(this.#area + CPU_CPUID_COUNT, leaves.length, true);
    leaves.forEach((leaf, i) => {
      const words = [leaf.leaf, leaf.subleaf ?? -1, leaf.eax, leaf.ebx, leaf.ecx, leaf.edx];
      words.forEach((word, j) =>
        view.setInt32(this.#area + CPU_CPUID_LEAVES + i * 24 + j * 4, word | 0, true),
      );
    });
  }
}

/** The core's imports: the machine's bus in the shapes WebAssembly can pass. */
function hostFunctions(bus: VcpuBus, view: DataView): Record<string, (...args: never[]) => number | void> {
  const random = new Uint32Array(64);
  let used = random.length;
  return {
    readPort: (port: number, size: 1 | 2 | 4) => bus.readPort(port, size),
    writePort: (port: number, size: 1 | 2 | 4, value: number) => bus.writePort(port, size, value >>> 0),
    readMmio: (gpa: number, size: 1 | 2 | 4) => bus.readMmio(gpa, size),
    writeMmio: (gpa: number, size: 1 | 2 | 4, value: number) => bus.writeMmio(gpa, size, value >>> 0),
    readMsr: (cpu: number, index: number) => {
      const value = bus.readMsr(index >>> 0);
      if (value === undefined) return 0;
      view.setBigUint64(cpu + CPU_FLOAT_SCRATCH, value, true);
      return 1;
    },
    writeMsr: (_cpu: number, index: number, low: number, high: number) =>
      Number(bus.writeMsr(index >>> 0, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0))),
    acknowledgeInterrupt: () => bus.acknowledgeInterrupt(),
    readTaskPriority: () => bus.readTaskPriority(),
    writeTaskPriority: (_cpu: number, priority: number) => bus.writeTaskPriority(priority),
    nowNs: () => bus.nowNs(),
    random: () => {
      if (used === random.length) {
        crypto.getRandomValues(random);
        used = 0;
      }
      return random[used++] as number;
    },
  };
}
