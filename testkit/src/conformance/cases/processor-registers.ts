// CPUID, model-specific registers, time stamp counter, control registers as the guest reads them.

import assert from "node:assert/strict";
import type { Engine, VcpuRegisters } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { TSC_FREQUENCY_HZ } from "../guest.ts";
import { Cr4, LongModeGuest, type LongModeOptions } from "../long-mode-guest.ts";

function leaves(code: string, expected: Partial<VcpuRegisters>, options: LongModeOptions = {}) {
  return (engine: Engine): void => {
    const guest = new LongModeGuest(engine, `${code}\n hlt`, options);
    guest.runExpecting();
    const after = guest.registers;
    const picked = Object.fromEntries(Object.keys(expected).map((name) => [name, after[name as "rax"]]));
    assert.deepEqual(picked, expected);
  };
}

const cpuid = (leaf: number, subleaf: number): string =>
  `mov rax, 0xffffffff00000000+${leaf}\n mov rcx, 0xffffffff00000000+${subleaf}\n mov rbx, -1\n mov rdx, -1\n cpuid`;

const identification = chapter("CPUID", {
  "a leaf, with the upper halves cleared": leaves(cpuid(0, 9), {
    rax: 4n,
    rbx: 0x1111n,
    rcx: 0x2222n,
    rdx: 0x3333n,
  }),
  "a subleaf": leaves(cpuid(4, 0), { rax: 40n, rbx: 41n, rcx: 42n, rdx: 43n }),
  "another subleaf": leaves(cpuid(4, 1), { rax: 50n, rbx: 51n, rcx: 52n, rdx: 0xffff_fffen }),
});

/** Writes a pattern to an MSR and reads it back. */
const keeps = (index: number, high: number, low: number) =>
  leaves(
    `mov ecx, ${index}\n mov eax, ${low}\n mov edx, ${high}\n wrmsr\n mov rax, -1\n mov rdx, -1\n rdmsr`,
    { rax: BigInt(low), rdx: BigInt(high) },
  );

const OWNED: Readonly<Record<string, number>> = {
  STAR: 0xc000_0081,
  LSTAR: 0xc000_0082,
  CSTAR: 0xc000_0083,
  "FS base": 0xc000_0100,
  "kernel GS base": 0xc000_0102,
  "SYSENTER ESP": 0x175,
  "SYSENTER EIP": 0x176,
};

const MACHINE_MSR = 0x4b56_4d00;

const modelSpecific = chapter("model-specific registers", {
  ...Object.fromEntries(
    Object.entries(OWNED).map(([name, index]) => [`${name} is kept`, keeps(index, 0x7654, 0x89ab_cdef)]),
  ),
  "one of the machine's is read": (engine) => {
    const guest = new LongModeGuest(
      engine,
      `mov ecx, ${MACHINE_MSR}\n mov rax, -1\n mov rdx, -1\n rdmsr\n hlt`,
    );
    guest.bus.msrs.set(MACHINE_MSR, 0xfedc_ba98_7654_3210n);
    guest.runExpecting();
    assert.deepEqual([guest.registers.rax, guest.registers.rdx], [0x7654_3210n, 0xfedc_ba98n]);
  },
  "one of the machine's is written": (engine) => {
    const source = `mov ecx, ${MACHINE_MSR}\n mov eax, 0x89abcdef\n mov edx, 0xf1234567\n wrmsr\n hlt`;
    const guest = new LongModeGuest(engine, source);
    guest.bus.msrs.set(MACHINE_MSR, 0n);
    guest.runExpecting();
    assert.equal(guest.bus.msrs.get(MACHINE_MSR), 0xf123_4567_89ab_cdefn);
  },
  "#GP(0): RDMSR of one nobody has": (engine) => {
    const guest = new LongModeGuest(engine, "mov ecx, 0x12345\n mov eax, 7\n here: rdmsr\n hlt");
    guest.runExpecting({ vector: 13, error: 0, rip: guest.label("here") });
    assert.equal(guest.registers.rax, 7n);
  },
  "#GP(0): WRMSR of one nobody has": (engine) => {
    const guest = new LongModeGuest(engine, "mov ecx, 0x12345\n here: wrmsr\n hlt");
    guest.runExpecting({ vector: 13, error: 0, rip: guest.label("here") });
  },
  "EFER shows that long mode is active": leaves("mov ecx, 0xc0000080\n rdmsr", { rax: 0xd01n, rdx: 0n }),
});

const READ_TSC = "rdtsc\n shl rdx, 32\n or rax, rdx";

const time = chapter("time stamp counter", {
  "never goes back and follows the clock": (engine) => {
    const guest = new LongModeGuest(engine, `${READ_TSC}\n mov rbx, rax\n ${READ_TSC}\n hlt`);
    guest.bus.clockNs = 5_000_000_000;
    guest.runExpecting();
    const { rax, rbx } = guest.registers;
    assert.ok(rax > rbx);
    const seconds = Number(rbx) / TSC_FREQUENCY_HZ;
    assert.ok(seconds > 4.999 && seconds < 5.001, `${seconds} s`);
  },
  "goes on from what was written": (engine) => {
    const source = `mov ecx, 0x10\n mov eax, 0x1000\n mov edx, 0x20\n wrmsr\n ${READ_TSC}\n hlt`;
    const guest = new LongModeGuest(engine, source);
    guest.runExpecting();
    const since = guest.registers.rax - 0x20_0000_1000n;
    assert.ok(since >= 0n && since < 10_000_000n, `${since}`);
  },
  "RDTSCP gives TSC_AUX": leaves(
    "mov ecx, 0xc0000103\n mov eax, 0x123\n mov edx, 0\n wrmsr\n db 0x0f, 0x01, 0xf9",
    {
      rcx: 0x123n,
    },
  ),
});

const control = chapter("control registers", {
  "CR0.ET cannot be cleared": leaves(
    "mov rax, cr0\n and rax, -0x11\n mov cr0, rax\n mov rax, cr0\n and eax, 0x10",
    { rax: 0x10n },
  ),
  "CR2 can be written": leaves("mov rax, 0x123456789abcdef0\n mov cr2, rax\n mov rbx, cr2", {
    rbx: 0x1234_5678_9abc_def0n,
  }),
  "CLTS clears CR0.TS": leaves("mov rax, cr0\n or eax, 8\n mov cr0, rax\n clts\n mov rbx, cr0\n and ebx, 8", {
    rbx: 0n,
  }),
  "CR4 reads back": leaves("mov rax, cr4\n or eax, 4\n mov cr4, rax\n mov rbx, cr4\n sub rbx, rax", {
    rbx: 0n,
  }),
  "SGDT and SIDT store ten bytes": (engine) => {
    const guest = new LongModeGuest(engine, "sgdt [data]\n sidt [data+16]\n hlt");
    guest.memory.slice(0x8_0000, 32).fill(0xee);
    guest.runExpecting();
    assert.deepEqual([...guest.memory.slice(0x8_0000, 11)], [0x7f, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0xee]);
    assert.deepEqual([...guest.memory.slice(0x8_0010, 11)], [0xff, 0x0f, 0, 0x20, 0, 0, 0, 0, 0, 0, 0xee]);
  },
  "RDFSBASE reads what WRMSR wrote": leaves(
    "mov ecx, 0xc0000100\n mov eax, 0x1000\n mov edx, 0x7f\n wrmsr\n db 0xf3, 0x48, 0x0f, 0xae, 0xc3",
    { rbx: 0x7f_0000_1000n },
    { cr4: Cr4.fsgsbase },
  ),
});

export const PROCESSOR_REGISTERS = [...identification, ...modelSpecific, ...time, ...control];
