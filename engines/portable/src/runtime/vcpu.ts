// A vCPU of the portable engine: its area in the machine's memory, with the fields that the machine reads and writes between runs,
// and its place in the processor that it shares with the machine's other vCPUs.

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
  CPU_BUDGET_LATER,
  CPU_CPUID_COUNT,
  CPU_CPUID_LEAVES,
  CPU_DR,
  CPU_DR6,
  CPU_DR7,
  CPU_FCW,
  CPU_HALTED,
  CPU_HELD_HITS,
  CPU_ID,
  CPU_INTERRUPT_REQUEST,
  CPU_INTERRUPT_SHADOW,
  CPU_KICK,
  CPU_MXCSR,
  CPU_NMI_BLOCKED,
  CPU_NMI_REQUEST,
  CPU_PAUSE,
  CPU_STEPPING,
  CPU_TSC_FREQUENCY,
  EXIT_HALT,
  EXIT_SHUTDOWN,
  EXIT_STOP,
  MAX_CPUID_LEAVES,
  PAUSE_ENDED,
  PAUSE_ENDS,
  PAUSE_SHORTENS,
  VCPU_AREA_BASE,
  VCPU_AREA_SIZE,
} from "../layout.ts";
import { describeRegisters } from "./describe.ts";
import type { Processor } from "./processor.ts";
import { readRegisters, writeRegisters } from "./registers.ts";

const EVENT_FIELDS = [CPU_HALTED, CPU_INTERRUPT_SHADOW, CPU_NMI_BLOCKED, CPU_NMI_REQUEST, CPU_STEPPING];

export class PortableVcpu implements Vcpu {
  readonly id: number;
  readonly #area: number;
  readonly #view: DataView;
  readonly #words: Int32Array;
  readonly #bus: VcpuBus;
  readonly #processor: Processor;

  constructor(processor: Processor, memory: GuestMemory, options: VcpuOptions) {
    this.id = options.id;
    this.#area = VCPU_AREA_BASE + options.id * VCPU_AREA_SIZE;
    this.#view = memory.view;
    this.#words = new Int32Array(memory.buffer, this.#area, VCPU_AREA_SIZE / 4);
    this.#bus = options.bus;
    this.#processor = processor;
    this.#powerOn(options);
  }

  run(budget: number, endsAtPause = false): ExitReason {
    const words = this.#words;
    const first = Math.min(budget, this.#processor.hotCode?.samplePeriod ?? budget);
    words[CPU_BUDGET >> 2] = first;
    words[CPU_BUDGET_LATER >> 2] = budget - first;
    words[CPU_BUDGET_ASIDE >> 2] = 0;
    words[CPU_PAUSE >> 2] = endsAtPause ? PAUSE_ENDS : PAUSE_SHORTENS;
    const exit = this.#processor.run(this.#area, this.#bus);
    this.#processor.hotCode?.afterSlice(this.#area);
    if (exit === EXIT_HALT) return ExitReason.Halt;
    if (exit === EXIT_SHUTDOWN) return ExitReason.Shutdown;
    if (exit !== EXIT_STOP) return ExitReason.Failure;
    if (Atomics.exchange(words, CPU_KICK >> 2, 0) !== 0) return ExitReason.Kicked;
    if (words[CPU_PAUSE >> 2] === PAUSE_ENDED) return ExitReason.Pause;
    return ExitReason.Budget;
  }

  /** Compiles the code at RIP without waiting for it to be hot; false when it cannot be compiled. For tests. */
  compileHere(): boolean {
    return this.#processor.hotCode?.compileHere(this.#area) ?? false;
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
    const flags = this.#processor.core.getFlags(this.#area) >>> 0;
    return readRegisters(this.#view, this.#area, BigInt(flags));
  }

  setRegisters(registers: VcpuRegisters): void {
    const { core } = this.#processor;
    writeRegisters(this.#view, this.#area, registers);
    this.#clearEvents();
    core.setFlags(this.#area, Number(registers.rflags & 0xffff_ffffn));
    core.resetTlb(this.#area);
    core.updateMode(this.#area);
  }

  describe(): string {
    return describeRegisters(this.id, this.getRegisters());
  }

  /** Ends the running block's budget; the run loop looks at requests there and goes on with what was left. */
  #attend(): void {
    const left = Atomics.exchange(this.#words, CPU_BUDGET >> 2, 0);
    Atomics.add(this.#words, CPU_BUDGET_ASIDE >> 2, left);
  }

  /** What INIT leaves of events and breakpoints: nothing. SDM volume 3, table 10-1. */
  #clearEvents(): void {
    for (const field of EVENT_FIELDS) this.#words[field >> 2] = 0;
    this.#words.fill(0, CPU_DR >> 2, CPU_DR6 >> 2);
    this.#view.setBigUint64(this.#area + CPU_HELD_HITS, 0n, true);
    this.#view.setBigUint64(this.#area + CPU_DR6, 0xffff_0ff0n, true);
    this.#view.setBigUint64(this.#area + CPU_DR7, 0x400n, true);
  }

  /** Values after power-on of what `setRegisters` leaves alone; x87 and SSE as FNINIT leaves them. */
  #powerOn(options: VcpuOptions): void {
    const view = this.#view;
    view.setUint32(this.#area + CPU_ID, options.id, true);
    view.setFloat64(this.#area + CPU_TSC_FREQUENCY, options.tscFrequencyHz, true);
    view.setUint16(this.#area + CPU_FCW, 0x37f, true);
    view.setUint32(this.#area + CPU_MXCSR, 0x1f80, true);
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
