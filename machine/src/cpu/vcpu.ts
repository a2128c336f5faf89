// The contract between a machine and whatever runs its processor: the portable engine or KVM.
//
// A vCPU runs until something ends its slice and says what in a small integer. Accesses that belong to the machine
// (ports, device memory, model-specific registers the engine does not own) are calls on the bus handed in at creation,
// made synchronously between two guest instructions or inside one; the bus never calls back into `run`.

import type { GuestMemory } from "../memory/guest-memory.ts";

/** Why `Vcpu.run` returned. */
export const ExitReason = {
  /** HLT with interrupts enabled or not; the machine sleeps until the next event. */
  Halt: 0,
  /** Triple fault: the machine resets or ends. */
  Shutdown: 1,
  /** The slice is used up. */
  Budget: 2,
  /** `kick` was called, from this thread (inside a bus call) or from another one. */
  Kicked: 3,
  /** The engine broke one of its own promises; `Vcpu.describe` tells more. The machine must not be run again. */
  Failure: 4,
  /** PAUSE in a slice that was to end there: the guest waits for another vCPU. */
  Pause: 5,
} as const;
export type ExitReason = (typeof ExitReason)[keyof typeof ExitReason];

export type AccessSize = 1 | 2 | 4;

/** What a vCPU needs from its machine. Values are unsigned 32-bit integers; addresses are exact integers below 2^52. */
export interface VcpuBus {
  readPort(port: number, size: AccessSize): number;
  writePort(port: number, size: AccessSize, value: number): void;
  /** Device memory: guest-physical addresses outside RAM. Wider accesses arrive split, lowest address first. */
  readMmio(gpa: number, size: AccessSize): number;
  writeMmio(gpa: number, size: AccessSize, value: number): void;
  /** A model-specific register the engine does not own; undefined raises #GP in the guest. */
  readMsr(index: number): bigint | undefined;
  /** False raises #GP in the guest. */
  writeMsr(index: number, value: bigint): boolean;
  /** Takes the most urgent interrupt vector that may be delivered now and marks it in service; -1 when there is none. */
  acknowledgeInterrupt(): number;
  /** CR8: the local APIC's task priority class, 0 to 15. */
  readTaskPriority(): number;
  writeTaskPriority(priorityClass: number): void;
  /** Nanoseconds of guest time since power-on, monotonic, may have a fraction. The TSC is derived from it. */
  nowNs(): number;
}

export interface CpuidLeaf {
  readonly leaf: number;
  /** Undefined where the leaf ignores ECX. */
  readonly subleaf?: number;
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** A segment register with its hidden part, as the descriptor cache holds it. */
export interface SegmentRegister {
  selector: number;
  base: bigint;
  limit: number;
  /** Descriptor bits 40 to 55: type, S, DPL, P, (limit 19:16 as zero), AVL, L, D/B, G. For example 0xa09b for 64-bit code. */
  attributes: number;
}

export interface DescriptorTable {
  base: bigint;
  limit: number;
}

/** Everything a boot protocol sets. */
export interface VcpuRegisters {
  rax: bigint;
  rcx: bigint;
  rdx: bigint;
  rbx: bigint;
  rsp: bigint;
  rbp: bigint;
  rsi: bigint;
  rdi: bigint;
  r8: bigint;
  r9: bigint;
  r10: bigint;
  r11: bigint;
  r12: bigint;
  r13: bigint;
  r14: bigint;
  r15: bigint;
  rip: bigint;
  rflags: bigint;
  cs: SegmentRegister;
  ds: SegmentRegister;
  es: SegmentRegister;
  fs: SegmentRegister;
  gs: SegmentRegister;
  ss: SegmentRegister;
  tr: SegmentRegister;
  ldtr: SegmentRegister;
  gdtr: DescriptorTable;
  idtr: DescriptorTable;
  cr0: bigint;
  cr2: bigint;
  cr3: bigint;
  cr4: bigint;
  efer: bigint;
}

export interface Vcpu {
  readonly id: number;
  /**
   * Runs guest code until one of the exit reasons, at most about `budget` blocks of instructions (engine-defined unit). With
   * `endsAtPause` a PAUSE instruction ends the slice, since another vCPU waits for the thread.
   */
  run(budget: number, endsAtPause?: boolean): ExitReason;
  /** Level: the machine has (or no longer has) an interrupt vector to deliver. Cheap; may be called inside bus calls. */
  setInterruptRequest(pending: boolean): void;
  /** Edge: a non-maskable interrupt. */
  requestNmi(): void;
  /** Ends the present or the next slice early. May be called from inside bus calls and from other threads. */
  kick(): void;
  getRegisters(): VcpuRegisters;
  /**
   * Not during `run`. What is not named takes its value after INIT (SDM volume 3, table 10-1): no breakpoints, no HLT, no
   * pending NMI; x87, SSE, time stamp counter and model-specific registers stay as they are.
   */
  setRegisters(registers: VcpuRegisters): void;
  /** One or more lines for a dump: registers and where execution stood. */
  describe(): string;
}

export interface VcpuOptions {
  readonly id: number;
  readonly bus: VcpuBus;
  readonly cpuid: readonly CpuidLeaf[];
  /** Ticks of the guest's time stamp counter a second. */
  readonly tscFrequencyHz: number;
}

/** One implementation of the processor. An engine owns the shape of a machine's memory object. */
export interface Engine {
  readonly name: "portable" | "kvm";
  /** Largest guest RAM in bytes this engine can give a machine. */
  readonly maxRamBytes: number;
  createMemory(ramBytes: number): GuestMemory;
  createVcpu(memory: GuestMemory, options: VcpuOptions): Vcpu;
}
