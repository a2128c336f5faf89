// A bare-metal guest on several vCPUs of a whole machine: 64-bit code that all of them run, from the same label, with their
// number in EBX. The first one starts the others by INIT and start-up messages; the machine ends when all have come back.
//
//   main        called on each vCPU; may change every register but RSP
//   x2APIC is on, interrupts are off, the IDT has a gate for each label `vectorNN` (NN in hexadecimal)

import assert from "node:assert/strict";
import { type Engine, Machine, type TimeSource } from "@hearth/machine";
import { type Assembly, assemble } from "@hearth/testkit/asm/assemble";
import { gate, Selector } from "@hearth/testkit/conformance/descriptors";
import { Prng } from "@hearth/testkit/prng";
import { tinyElf } from "@hearth/testkit/tiny-kernel";

const CODE_GPA = 0x100_0000;
const TRAMPOLINE_GPA = 0x8000;
const IDT_GPA = 0x110_0000;
const STACKS_GPA = 0x140_0000;
/** Zeroed memory for programs, named `data`. */
export const DATA_GPA = 0x120_0000;
const RAM_BYTES = 32 * 1024 * 1024;
const MAX_SLICES = 2_000_000;

const TRAMPOLINE = `
  mov eax, 0
  mov ds, ax
  lgdt [gdtPointer]
  mov eax, 0x20
  mov cr4, eax
  mov eax, 0x9000
  mov cr3, eax
  mov ecx, 0xc0000080
  rdmsr
  or eax, 0x100
  wrmsr
  mov eax, 0x80000011
  mov cr0, eax
  jmpd 0x8:long
  bits 64
  long: mov rax, begin
  jmp rax
  gdtPointer: dw 31
  dd 0x500`;

const PROLOGUE = `
  mov eax, 0x10
  mov ds, eax
  mov es, eax
  mov ss, eax
  begin: lidt [idtPointer]
  mov ecx, 0x1b
  rdmsr
  or eax, 0xc00
  wrmsr
  mov ecx, 0x80f
  mov eax, 0x1ff
  mov edx, 0
  wrmsr
  mov ecx, 0x802
  rdmsr
  mov ebx, eax
  mov rsp, rax
  shl rsp, 16
  add rsp, ${STACKS_GPA + 0x1_0000}
  push rbx
  cmp ebx, 0
  jne started
  mov ecx, 0x830
  mov edx, 0
  mov eax, 0xc4500
  wrmsr
  mov eax, 0xc4608
  wrmsr
  started: call main
  lock inc dword [finished]
  pop rbx
  cmp ebx, 0
  jne rest
  wait: pause
  cmp dword [finished], vcpus
  jne wait
  mov edx, 0x600
  mov eax, 0x34
  out dx, al
  rest: cli
  hlt
  jmp rest
  idtPointer: dw 4095
  dq ${IDT_GPA}
  align 64
  finished: dd 0
  align 64
`;

export interface ParallelOptions {
  readonly vcpus: number;
  /** Numbers the source may use. */
  readonly symbols?: Readonly<Record<string, number>>;
  /** Turns of random length from this seed; else as the machine chooses. */
  readonly seed?: number;
}

/** Every look at the clock moves it by 100 ns, so that runs repeat. */
class SteppingTime implements TimeSource {
  #ns = 0;

  monotonicNs(): number {
    this.#ns += 100;
    return this.#ns;
  }

  wallClockNs(): bigint {
    return BigInt(this.#ns);
  }

  advance(ns: number): void {
    this.#ns += ns;
  }
}

export class ParallelGuest {
  readonly machine: Machine;
  readonly #program: Assembly;
  readonly #time = new SteppingTime();
  readonly #prng: Prng | undefined;

  constructor(engine: Engine, source: string, options: ParallelOptions) {
    const symbols = { data: DATA_GPA, vcpus: options.vcpus, ...options.symbols };
    this.#program = assemble(PROLOGUE + source, { origin: CODE_GPA, bits: 64, symbols });
    this.#prng = options.seed === undefined ? undefined : new Prng(options.seed);
    this.machine = new Machine({
      engine,
      vcpuCount: options.vcpus,
      ramBytes: RAM_BYTES,
      kernel: tinyElf({ gpa: CODE_GPA, code: this.#program.bytes }),
      bootProtocol: "linux64",
      time: this.#time,
      fillRandom: (target) => target.fill(1),
      onSerialOutput: () => {},
    });
    this.#writeTrampoline();
    this.#writeGates(source);
    this.machine.start();
  }

  /** Runs to the guest's own end. */
  run(): void {
    for (let slice = 0; slice < MAX_SLICES; slice++) {
      const status = this.machine.runSlice(this.#prng ? 1 + this.#prng.below(60) : 100_000);
      if (status.kind === "sleep") {
        assert.ok(status.deadlineNs < Number.POSITIVE_INFINITY, `all asleep:\n${this.machine.describe()}`);
        this.#time.advance(status.delayNs);
      }
      if (status.kind !== "ended") continue;
      assert.deepEqual(status.reason, { kind: "power-off" });
      return;
    }
    assert.fail(`the guest did not end:\n${this.machine.describe()}`);
  }

  /** The dword number `index` of `data`. */
  u32(index: number): number {
    return this.machine.memory.readU32(DATA_GPA + index * 4);
  }

  /** The qword at this offset in `data`. */
  u64(offset: number): bigint {
    return this.machine.memory.readU64(DATA_GPA + offset);
  }

  #writeTrampoline(): void {
    const symbols = { begin: this.#program.label("begin") };
    const { bytes } = assemble(TRAMPOLINE, { origin: TRAMPOLINE_GPA, bits: 16, symbols });
    this.machine.memory.write(TRAMPOLINE_GPA, bytes);
  }

  #writeGates(source: string): void {
    const { memory } = this.machine;
    for (const [label, digits] of source.matchAll(/\bvector([0-9a-f]{2})(?=:)/g)) {
      const target = this.#program.label(label);
      const at = IDT_GPA + Number.parseInt(digits as string, 16) * 16;
      memory.writeU64(at, gate(target, { selector: Selector.code }));
      memory.writeU64(at + 8, target >> 32n);
    }
  }
}
