// What all conformance guests share: RAM and a vCPU of the engine under test, a program, runs, and what came of them.

import assert from "node:assert/strict";
import {
  type CpuidLeaf,
  type Engine,
  ExitReason,
  type GuestMemory,
  type Vcpu,
  type VcpuRegisters,
} from "@hearth/machine";
import { type Assembly, assemble } from "../asm/assemble.ts";
import type { CodeBits } from "../asm/encoding.ts";
import { NULL_SEGMENT } from "./descriptors.ts";
import { RecordingBus } from "./recording-bus.ts";
import { readTrapLog, type Trap } from "./trap-log.ts";

export const RAM_BYTES = 16 * 1024 * 1024;
export const TSC_FREQUENCY_HZ = 1_000_000_000;

/** Guest-physical places. In long mode linear addresses are the same below 2 MiB. */
export const Place = {
  gdt: 0x1000,
  idt: 0x2000,
  task: 0x3000,
  stubs: 0x4000,
  log: 0x6000,
  /** Stacks grow down from these. */
  stack: 0x9000,
  privilegeStack: 0xb000,
  interruptStack: 0xd000,
  code: 0x1_0000,
  /** From here to `userEnd` privilege 3 may do everything. */
  user: 0x2_0000,
  userStack: 0x3_f000,
  userEnd: 0x4_0000,
  tables: 0x4_0000,
  data: 0x8_0000,
  /** Free RAM above the identity map: frames for the mappings of a case. */
  frames: 0x40_0000,
} as const;

/** Device memory: outside RAM, below 4 GiB. */
export const DEVICE_GPA = 0xd000_0000;

const SLICE_BLOCKS = 10_000;
const MAX_SLICES = 100;

const CPUID: readonly CpuidLeaf[] = [
  { leaf: 0, eax: 4, ebx: 0x1111, ecx: 0x2222, edx: 0x3333 },
  { leaf: 4, subleaf: 0, eax: 40, ebx: 41, ecx: 42, edx: 43 },
  { leaf: 4, subleaf: 1, eax: 50, ebx: 51, ecx: 52, edx: 0xffff_fffe },
];

export type ExpectedTrap = Partial<Trap> & { readonly vector: number };

export class Guest {
  readonly memory: GuestMemory;
  readonly bus = new RecordingBus();
  readonly vcpu: Vcpu;
  readonly program: Assembly;

  /** Assembles `source` at Place.code and loads it. */
  constructor(engine: Engine, source: string, bits: CodeBits, origin: number = Place.code) {
    this.memory = engine.createMemory(RAM_BYTES);
    const options = { id: 0, bus: this.bus, cpuid: CPUID, tscFrequencyHz: TSC_FREQUENCY_HZ };
    this.vcpu = engine.createVcpu(this.memory, options);
    this.bus.attach(this.vcpu);
    const symbols = { ...Place, device: DEVICE_GPA };
    this.program = assemble(source, { origin, bits, symbols });
    this.memory.write(origin, this.program.bytes);
  }

  label(name: string): bigint {
    return this.program.label(name);
  }

  get registers(): VcpuRegisters {
    return this.vcpu.getRegisters();
  }

  /** Runs until the guest halts or shuts down; fails when it does neither. */
  run(): ExitReason {
    for (let slice = 0; slice < MAX_SLICES; slice++) {
      const reason = this.vcpu.run(SLICE_BLOCKS);
      assert.notEqual(reason, ExitReason.Failure, this.vcpu.describe());
      if (reason === ExitReason.Halt || reason === ExitReason.Shutdown) return reason;
    }
    assert.fail(`the guest did not end:\n${this.vcpu.describe()}`);
  }

  /** Runs to HLT. */
  runToHalt(): void {
    assert.equal(this.run(), ExitReason.Halt, `not halted:\n${this.vcpu.describe()}`);
  }

  get traps(): Trap[] {
    return readTrapLog(this.memory, Place.log);
  }

  /** The guest took exactly these traps; fields not named may have any value. */
  expectTraps(...expected: readonly ExpectedTrap[]): void {
    const traps = this.traps;
    const picked = traps.map((trap, i) => pick(trap, expected[i] ?? { vector: 0 }));
    assert.deepEqual(picked, expected, `the traps were ${traps.map(describeTrap).join("; ") || "none"}`);
  }

  /** Runs to HLT and expects these traps. */
  runExpecting(...expected: readonly ExpectedTrap[]): void {
    this.runToHalt();
    this.expectTraps(...expected);
  }
}

function pick(trap: Trap, like: ExpectedTrap): ExpectedTrap {
  return Object.fromEntries(Object.keys(like).map((key) => [key, trap[key as keyof Trap]])) as ExpectedTrap;
}

function describeTrap(trap: Trap): string {
  const { vector, error, rip, cr2 } = trap;
  return `vector ${vector} error ${error} at 0x${rip.toString(16)} cr2 0x${cr2.toString(16)}`;
}

/** Register values a start state is made from: zero, interrupts off, no segments. */
export function blankRegisters(): VcpuRegisters {
  const general =
    "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip cr0 cr2 cr3 cr4 efer".split(" ");
  const segments = "cs ds es fs gs ss tr ldtr".split(" ");
  return {
    ...Object.fromEntries(general.map((name) => [name, 0n])),
    ...Object.fromEntries(segments.map((name) => [name, { ...NULL_SEGMENT }])),
    rflags: 2n,
    gdtr: { base: 0n, limit: 0 },
    idtr: { base: 0n, limit: 0 },
  } as unknown as VcpuRegisters;
}
