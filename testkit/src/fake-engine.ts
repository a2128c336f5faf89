// An engine whose guest is a list of TypeScript steps: each `run` takes the next one. For tests of what is around a
// processor, without one.

import {
  type CpuidLeaf,
  type Engine,
  ExitReason,
  GuestMemory,
  type Vcpu,
  type VcpuBus,
  type VcpuOptions,
  type VcpuRegisters,
} from "@hearth/machine";

/** One run of the guest. May use the bus as a guest would; the default result is "budget used up". */
export type GuestStep = (bus: VcpuBus, vcpu: FakeVcpu) => ExitReason | undefined | void;

export class FakeVcpu implements Vcpu {
  readonly id: number;
  readonly bus: VcpuBus;
  readonly cpuid: readonly CpuidLeaf[];
  readonly budgets: number[] = [];
  /** For each run, whether PAUSE was to end it. */
  readonly pauseEnds: boolean[] = [];
  isInterruptRequested = false;
  kicks = 0;
  nmis = 0;
  registers: VcpuRegisters | undefined;
  readonly #steps: GuestStep[];

  constructor(options: VcpuOptions, steps: GuestStep[]) {
    this.id = options.id;
    this.bus = options.bus;
    this.cpuid = options.cpuid;
    this.#steps = steps;
  }

  run(budget: number, endsAtPause = false): ExitReason {
    this.budgets.push(budget);
    this.pauseEnds.push(endsAtPause);
    const kicksBefore = this.kicks;
    const step = this.#steps.shift();
    if (step === undefined) return ExitReason.Halt;
    const exit = step(this.bus, this);
    return exit ?? (this.kicks > kicksBefore ? ExitReason.Kicked : ExitReason.Budget);
  }

  setInterruptRequest(isPending: boolean): void {
    this.isInterruptRequested = isPending;
  }

  requestNmi(): void {
    this.nmis++;
  }

  kick(): void {
    this.kicks++;
  }

  getRegisters(): VcpuRegisters {
    return this.registers as VcpuRegisters;
  }

  setRegisters(registers: VcpuRegisters): void {
    this.registers = registers;
  }

  describe(): string {
    return "fake vCPU";
  }
}

/** Runs out of steps into HLT. `vcpu` is the first one; `steps` are its own, the others' are put into `stepsOf`. */
export class FakeEngine implements Engine {
  readonly name = "portable";
  readonly maxRamBytes = 64 * 1024 * 1024;
  readonly steps: GuestStep[];
  readonly vcpus: FakeVcpu[] = [];
  readonly stepsOf: Record<number, GuestStep[]> = {};

  constructor(...steps: GuestStep[]) {
    this.steps = steps;
  }

  createMemory(ramBytes: number): GuestMemory {
    const engineAreaBytes = 4096;
    return new GuestMemory(new ArrayBuffer(engineAreaBytes + ramBytes), engineAreaBytes, ramBytes);
  }

  createVcpu(_memory: GuestMemory, options: VcpuOptions): Vcpu {
    const steps = options.id === 0 ? this.steps : (this.stepsOf[options.id] ??= []);
    const vcpu = new FakeVcpu(options, steps);
    this.vcpus.push(vcpu);
    return vcpu;
  }

  get vcpu(): FakeVcpu | undefined {
    return this.vcpus[0];
  }
}
