// Exceptions of instructions: vector, error code, saved RIP. SDM volume 3, chapter 6.

import type { Engine } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Attributes, descriptor, Selector } from "../descriptors.ts";
import { Place } from "../guest.ts";
import { Cr4, enterUser, LongModeGuest, type LongModeOptions } from "../long-mode-guest.ts";
import { Pte } from "../page-tables.ts";

/** RFLAGS.RF: set in what faults save, so that an instruction breakpoint does not stop the instruction twice. */
const RF = 0x1_0000n;

/** The instruction at label `fault` raises `vector` with `error` and is reported itself. */
function raises(vector: number, error: number, code: string, options: LongModeOptions = {}) {
  return (engine: Engine): void => {
    const guest = new LongModeGuest(
      engine,
      `${code.includes("fault:") ? "" : "fault: "}${code}\n hlt`,
      options,
    );
    prepareSpare(guest);
    guest.runExpecting({ vector, error, rip: guest.label("fault") });
  };
}

/** The same at privilege 3. */
function raisesInUser(vector: number, error: number, code: string, options: LongModeOptions = {}) {
  return raises(vector, error, `${enterUser("fault")}\n org user\n fault: ${code}`, options);
}

/** The instruction before label `next` traps: it is done, and what is behind it is reported. */
function traps(vector: number, code: string) {
  return (engine: Engine): void => {
    const guest = new LongModeGuest(engine, `${code}\n next: hlt`);
    guest.runExpecting({ vector, error: 0, rip: guest.label("next") });
  };
}

const passes =
  (code: string, options: LongModeOptions = {}) =>
  (engine: Engine): void =>
    new LongModeGuest(engine, `${code}\n hlt`, options).runExpecting();

/** Descriptors to fail on: a data segment that is not present, then code for execution only. */
const NOT_PRESENT = Selector.spare;
const EXECUTE_ONLY = Selector.spare + 8;
const BEYOND_LIMIT = 0x1000;

function prepareSpare(guest: LongModeGuest): void {
  const notPresent = Attributes.data32 & ~0x80;
  const executeOnly = Attributes.code64 & ~2;
  guest.memory.writeU64(Place.gdt + NOT_PRESENT, descriptor(0, 0xf_ffff, notPresent));
  guest.memory.writeU64(Place.gdt + EXECUTE_ONLY, descriptor(0, 0xf_ffff, executeOnly));
}

const arithmetic = chapter("arithmetic exceptions", {
  "#DE: division by zero": raises(0, 0, "mov ecx, 0\n fault: div ecx"),
  "#DE: a quotient that does not fit": raises(0, 0, "mov edx, 5\n mov ecx, 2\n fault: div ecx"),
  "#DE: the most negative number by -1": raises(
    0,
    0,
    "mov eax, 0x80000000\n mov edx, 0xffffffff\n mov ecx, 0xffffffff\n fault: idiv ecx",
  ),
  "#MF: reported by the next waiting x87 instruction": raises(
    16,
    0,
    "mov dword [data], 0x37b\n fninit\n fldcw word [data]\n fld1\n fldz\n fdivp\n nop\n fault: fwait",
  ),
  "#XM: an unmasked SSE exception": raises(
    19,
    0,
    "mov dword [data], 0x1d80\n mov dword [data+16], 0x3f800000\n ldmxcsr dword [data]\n movups xmm0, oword [data+16]\n fault: divps xmm0, xmm1",
  ),
});

const breakpoints = chapter("traps", {
  "#BP: INT3": traps(3, "int3"),
  "INT n": traps(0x77, "int 0x77"),
  "INT 3 in its two-byte form": traps(3, "int 3"),
  "INT n of a vector with an error code pushes none": (engine) => {
    const guest = new LongModeGuest(
      engine,
      "int 14\n hlt\n handler: mov rbx, rsp\n mov rcx, qword [rsp]\n next: hlt",
    );
    guest.setGate(14, "handler");
    guest.runToHalt();
    const { rbx, rcx } = guest.registers;
    if (rbx !== BigInt(Place.stack - 40) || rcx !== BigInt(Place.code + 2))
      throw new Error(`the frame is at 0x${rbx.toString(16)} and starts with 0x${rcx.toString(16)}`);
  },
});

const TS: LongModeOptions = { registers: { cr0: 0x8001_003bn } };
const EM: LongModeOptions = { registers: { cr0: 0x8001_0035n } };
const NO_OSFXSR: LongModeOptions = { registers: { cr4: Cr4.physicalAddressExtension } };

const opcodes = chapter("invalid and unavailable instructions", {
  "#UD: UD2": raises(6, 0, "ud2"),
  "#UD: PUSH ES in 64-bit mode": raises(6, 0, "db 0x06"),
  "#UD: LOCK before an instruction that cannot be locked": raises(6, 0, "db 0xf0, 0x90"),
  "#UD: LOCK with a register destination": raises(6, 0, "db 0xf0, 0x01, 0xc8"),
  "#UD: MOV to CS": raises(6, 0, "db 0x8e, 0xc8"),
  "#UD: MOV from CR1": raises(6, 0, "db 0x0f, 0x20, 0xc8"),
  "#GP: more than 15 bytes": raises(
    13,
    0,
    "db 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90",
  ),
  "15 bytes are allowed": passes(
    "db 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90",
  ),
  "#NM: x87 with CR0.TS": raises(7, 0, "fninit", TS),
  "#NM: SSE with CR0.TS": raises(7, 0, "addps xmm0, xmm1", TS),
  "#NM: WAIT with CR0.TS and CR0.MP": raises(7, 0, "fwait", TS),
  "CLTS ends it": passes("clts\n fninit\n addps xmm0, xmm1", TS),
  "#NM: x87 with CR0.EM": raises(7, 0, "fninit", EM),
  "#UD: SSE with CR0.EM": raises(6, 0, "addps xmm0, xmm1", EM),
  "#UD: SSE without CR4.OSFXSR": raises(6, 0, "addps xmm0, xmm1", NO_OSFXSR),
  "#UD: an unmasked SSE exception without CR4.OSXMMEXCPT": raises(
    6,
    0,
    "mov dword [data], 0x1d80\n mov dword [data+16], 0x3f800000\n ldmxcsr dword [data]\n movups xmm0, oword [data+16]\n fault: divps xmm0, xmm1",
    { registers: { cr4: Cr4.physicalAddressExtension | Cr4.fxsave } },
  ),
  "#UD: WRFSBASE without CR4.FSGSBASE": raises(6, 0, "db 0xf3, 0x48, 0x0f, 0xae, 0xd0"),
  "WRFSBASE with it": passes("db 0xf3, 0x48, 0x0f, 0xae, 0xd0", { cr4: Cr4.fsgsbase }),
});

const segments = chapter("segment loads", {
  "#NP: a data segment that is not present": raises(
    11,
    NOT_PRESENT,
    `mov eax, ${NOT_PRESENT}\n fault: mov ds, eax`,
  ),
  "#SS: a stack segment that is not present": raises(
    12,
    NOT_PRESENT,
    `mov eax, ${NOT_PRESENT}\n fault: mov ss, eax`,
  ),
  "#GP: a selector beyond the table": raises(
    13,
    BEYOND_LIMIT,
    `mov eax, ${BEYOND_LIMIT}\n fault: mov es, eax`,
  ),
  "#GP: code that cannot be read": raises(13, EXECUTE_ONLY, `mov eax, ${EXECUTE_ONLY}\n fault: mov ds, eax`),
  "#GP: a code segment as stack": raises(13, Selector.code, `mov eax, ${Selector.code}\n fault: mov ss, eax`),
  "#GP: a stack segment of another privilege": raises(
    13,
    Selector.userData & ~3,
    `mov eax, ${Selector.userData}\n fault: mov ss, eax`,
  ),
  "#GP: a selector without a local table": raises(13, 0x0c, "mov eax, 0x0c\n fault: mov ds, eax"),
  "a null selector in DS is fine": passes("mov eax, 0\n mov ds, eax\n mov rbx, qword [data]"),
  "a null stack selector is fine at privilege 0": passes("mov eax, 0\n mov ss, eax\n push rax"),
  "#GP: a null stack selector at privilege 3": raisesInUser(13, 0, "mov ss, eax"),
  "#GP: the user loads a supervisor's segment": (engine) => {
    const source = `${enterUser("start")}\n org user\n start: mov eax, ${Selector.data}\n fault: mov ds, eax`;
    const guest = new LongModeGuest(engine, source);
    guest.runExpecting({ vector: 13, error: Selector.data, rip: guest.label("fault") });
  },
  "a load sets the descriptor's accessed flag": (engine) => {
    const guest = new LongModeGuest(engine, `mov eax, ${NOT_PRESENT}\n mov ds, eax\n hlt`);
    guest.memory.writeU64(Place.gdt + NOT_PRESENT, descriptor(0, 0xf_ffff, Attributes.data32 & ~1));
    guest.runExpecting();
    if ((guest.memory.readU8(Place.gdt + NOT_PRESENT + 5) & 1) === 0) throw new Error("not accessed");
  },
  "#GP: LTR of a busy task": raises(13, Selector.task, `mov eax, ${Selector.task}\n ltr ax\n fault: ltr ax`),
  "#GP: LTR of a data segment": raises(13, Selector.data, `mov eax, ${Selector.data}\n fault: ltr ax`),
});

const NON_CANONICAL = 0x8000_0000_0000n;

const canonical = chapter("non-canonical addresses", {
  "#GP: a read": raises(13, 0, "mov rax, qword [rbx]", { registers: { rbx: NON_CANONICAL } }),
  "#GP: a write": raises(13, 0, "mov qword [rbx], rax", {
    registers: { rbx: ~NON_CANONICAL & ((1n << 64n) - 1n) },
  }),
  "#GP: an access that runs out of the lower half": (engine) => {
    const guest = new LongModeGuest(engine, "mov rax, qword [rbx]", {
      registers: { rbx: NON_CANONICAL - 4n },
    });
    guest.tables.map(NON_CANONICAL - 0x1000n, BigInt(Place.frames), Pte.present);
    guest.runExpecting({ vector: 13, error: 0 });
  },
  "#SS: PUSH": (engine) => {
    const registers = { rsp: NON_CANONICAL + 0x100n };
    const guest = new LongModeGuest(engine, "fault: push rax\n hlt", { registers });
    guest.setStubOptions(12, { ist: 1 });
    guest.runExpecting({ vector: 12, error: 0, rip: guest.label("fault") });
  },
  "#SS: an operand relative to RBP": raises(12, 0, "mov rax, qword [rbp]", {
    registers: { rbp: NON_CANONICAL },
  }),
  "#GP: FS before RBP takes the stack segment away": raises(13, 0, "mov rax, qword [fs:rbp]", {
    registers: { rbp: NON_CANONICAL },
  }),
  "#GP: a jump, reported at the branch or at its target": (engine) => {
    const guest = new LongModeGuest(engine, "fault: jmp rbx\n hlt", { registers: { rbx: NON_CANONICAL } });
    guest.runExpecting({ vector: 13, error: 0 });
    const rip = guest.traps[0]?.rip;
    if (rip !== guest.label("fault") && rip !== NON_CANONICAL)
      throw new Error(`reported at 0x${rip?.toString(16)}`);
  },
  "#GP: a segment base": raises(13, 0, "mov ecx, 0xc0000100\n mov edx, 0x8000\n mov eax, 0\n fault: wrmsr"),
  "INVLPG ignores them": passes("invlpg [rbx]", { registers: { rbx: NON_CANONICAL } }),
});

const PRIVILEGED = [
  "hlt",
  "cli",
  "sti",
  "in al, 0x60",
  "out 0x60, al",
  "rdmsr",
  "wrmsr",
  "mov rax, cr0",
  "mov cr3, rax",
  "mov rax, dr7",
  "lgdt [data]",
  "lidt [data]",
  "invlpg [data]",
  "clts",
  "wbinvd",
  "swapgs",
  "ltr ax",
  "sysretq",
  "sysexitq",
];

const privilege = chapter(
  "#GP(0) at privilege 3",
  Object.fromEntries([
    ...PRIVILEGED.map((code) => [code.toUpperCase(), raisesInUser(13, 0, code)]),
    [
      "SGDT with CR4.UMIP",
      raisesInUser(13, 0, "sgdt [user+0x800]", { cr4: Cr4.userModeInstructionPrevention }),
    ],
    ["RDTSC with CR4.TSD", raisesInUser(13, 0, "rdtsc", { cr4: Cr4.timeStampDisable })],
  ]),
);

const registers = chapter("#GP(0) at privilege 0", {
  "a reserved bit of CR4": raises(
    13,
    0,
    "mov rax, cr4\n mov rcx, 0x80000000\n or rax, rcx\n fault: mov cr4, rax",
  ),
  "CR4.PAE cleared in long mode": raises(13, 0, "mov eax, 0\n fault: mov cr4, rax"),
  "the upper half of CR0": raises(
    13,
    0,
    "mov rax, cr0\n mov rcx, 0x100000000\n or rax, rcx\n fault: mov cr0, rax",
  ),
  "CR0.PG without CR0.PE": raises(13, 0, "mov rax, cr0\n and rax, -2\n fault: mov cr0, rax"),
  "CR0.NW without CR0.CD": raises(
    13,
    0,
    "mov rax, cr0\n mov ecx, 0x20000000\n or rax, rcx\n fault: mov cr0, rax",
  ),
  "paging turned off in 64-bit mode": raises(
    13,
    0,
    "mov rax, cr0\n mov ecx, 0x7fffffff\n and rax, rcx\n fault: mov cr0, rax",
  ),
  "CR8 above 15": raises(13, 0, "mov eax, 16\n fault: mov cr8, rax"),
  "address bits of CR3 that do not exist": raises(13, 0, "mov rax, 0x0008000000000000\n fault: mov cr3, rax"),
  "the upper half of DR7": raises(13, 0, "mov rax, 0x100000000\n fault: mov dr7, rax"),
  "EFER.LME changed while paging": raises(
    13,
    0,
    "mov ecx, 0xc0000080\n rdmsr\n and eax, -0x101\n fault: wrmsr",
  ),
  "a reserved bit of EFER": raises(13, 0, "mov ecx, 0xc0000080\n rdmsr\n or eax, 2\n fault: wrmsr"),
  "a misaligned MOVAPS": raises(13, 0, "movaps xmm0, oword [data+8]"),
  "IRET with RFLAGS.NT in long mode": raises(
    13,
    0,
    `push ${Selector.data}\n push stack\n push 2\n push ${Selector.code}\n push stubs\n push 0x4002\n popf\n fault: iretq`,
  ),
});

const saved = chapter("what exceptions save", {
  "faults save RF, and the gate clears IF, TF and NT": (engine) => {
    const source = "fault: ud2\n handler: pushf\n pop rax\n mov rbx, qword [rsp+16]\n hlt";
    const guest = new LongModeGuest(engine, source, { rflags: 0x4ad5n });
    guest.setGate(6, "handler");
    guest.runToHalt();
    const { rax, rbx } = guest.registers;
    if (rax !== 0x8d7n || rbx !== (0x4ad7n | RF))
      throw new Error(`flags 0x${rax.toString(16)}, saved 0x${rbx.toString(16)}`);
  },
  "a trap gate leaves IF": (engine) => {
    const source = "int 0x40\n handler: pushf\n pop rax\n mov rbx, qword [rsp+16]\n hlt";
    const guest = new LongModeGuest(engine, source, { rflags: 0x202n });
    guest.setGate(0x40, "handler", { type: 15 });
    guest.runToHalt();
    const { rax, rbx } = guest.registers;
    if (rax !== 0x202n || rbx !== 0x202n)
      throw new Error(`flags 0x${rax.toString(16)}, saved 0x${rbx.toString(16)}`);
  },
  "traps do not save RF": (engine) => {
    const guest = new LongModeGuest(engine, "int3\n hlt");
    guest.runExpecting({ vector: 3, rflags: 2n });
  },
  "the stack is aligned to 16 bytes, the old one saved": (engine) => {
    const guest = new LongModeGuest(engine, "ud2", { registers: { rsp: BigInt(Place.stack - 3) } });
    guest.runExpecting({
      vector: 6,
      rsp: BigInt(Place.stack - 3),
      ss: Selector.data,
      cs: Selector.code,
      frame: BigInt(Place.stack - 16 - 40),
    });
  },
  "the same with an error code": (engine) => {
    const guest = new LongModeGuest(engine, "mov rax, qword [0x40000000]");
    guest.runExpecting({ vector: 14, rsp: BigInt(Place.stack), frame: BigInt(Place.stack - 40) });
  },
  "a fault changes no register": (engine) => {
    const guest = new LongModeGuest(engine, "mov eax, 5\n mov rdi, 0x40000000\n xchg qword [rdi], rax\n hlt");
    guest.runExpecting({ vector: 14 });
    if (guest.registers.rax !== 5n) throw new Error("RAX changed");
  },
});

export const EXCEPTIONS = [
  ...arithmetic,
  ...breakpoints,
  ...opcodes,
  ...segments,
  ...canonical,
  ...privilege,
  ...registers,
  ...saved,
];
