// SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS, far transfers and IRET between privileges and code widths. SDM volume 2.

import assert from "node:assert/strict";
import type { Engine } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Attributes, descriptor, Selector } from "../descriptors.ts";
import { Place } from "../guest.ts";
import { Efer, enterUser, LongModeGuest, type LongModeOptions } from "../long-mode-guest.ts";

/** Instructions that write a 64-bit MSR. */
const wrmsr = (index: number, low: string | number, high: string | number = 0): string =>
  `mov ecx, ${index}\n mov eax, ${low}\n mov edx, ${high}\n wrmsr`;

const STAR = 0xc000_0081;
const LSTAR = 0xc000_0082;
const CSTAR = 0xc000_0083;
const FMASK = 0xc000_0084;
const SETUP = `
  ${wrmsr(STAR, 0, (Selector.userCode32 << 16) | Selector.code)}
  ${wrmsr(LSTAR, "kernel")}
  ${wrmsr(CSTAR, "kernel32")}
  ${wrmsr(FMASK, 0x4_0600)}`;
const SYSENTER_SETUP = `
  ${wrmsr(0x174, Selector.code)}
  ${wrmsr(0x175, "stack")}
  ${wrmsr(0x176, "kernel")}`;

/** Vector 0x80 may be used by everybody: guests report from privilege 3 with it. */
const REPORT = "int 0x80";

function guestOf(engine: Engine, source: string, options: LongModeOptions = {}): LongModeGuest {
  const guest = new LongModeGuest(engine, source, options);
  guest.setStubOptions(0x80, { privilege: 3 });
  return guest;
}

function selectors(guest: LongModeGuest): number[] {
  const { cs, ss } = guest.registers;
  return [cs.selector, ss.selector];
}

const syscalls = chapter("SYSCALL and SYSRET", {
  "SYSCALL saves RIP and RFLAGS, masks RFLAGS, keeps RSP": (engine) => {
    const source = `
      ${SETUP}
      ${enterUser("start", 0xad7)}
      kernel: pushf
      pop rax
      hlt
      kernel32: ud2
      org user
      start: mov rsp, 0x9000
      syscall
      here: ud2`;
    const guest = guestOf(engine, source);
    guest.runExpecting();
    const { rcx, r11, rax, rsp } = guest.registers;
    assert.deepEqual([rcx, r11, rax, rsp], [guest.label("here"), 0xad7n, 0x8d7n, 0x9000n]);
    assert.deepEqual(selectors(guest), [Selector.code, Selector.data]);
  },
  "SYSRET returns to 64-bit code with the flags of R11": (engine) => {
    const source = `
      ${SETUP}
      ${enterUser("start", 0x2d7)}
      kernel: mov rbx, rsp
      mov ecx, back
      mov r11d, 0x10ad7
      sysretq
      kernel32: ud2
      org user
      start: syscall
      back: ${REPORT}`;
    const guest = guestOf(engine, source);
    guest.runExpecting({
      vector: 0x80,
      cs: Selector.userCode64,
      ss: Selector.userData,
      rflags: 0xad7n,
      rsp: BigInt(Place.userStack),
    });
  },
  "SYSRET with a 32-bit operand returns to 32-bit code": (engine) => {
    const source = `
      ${SETUP}
      ${enterUser("start")}
      kernel: mov rcx, 0x100000000+back
      mov r11d, 2
      sysretd
      kernel32: ud2
      org user
      start: syscall
      bits 32
      back: mov ebx, 7
      db 0x43                 ; INC EBX here, a prefix in 64-bit code
      ${REPORT}`;
    const guest = guestOf(engine, source);
    guest.runExpecting({ vector: 0x80, cs: Selector.userCode32, ss: Selector.userData });
    assert.equal(guest.registers.rbx, 8n);
  },
  "SYSCALL in 32-bit code goes to CSTAR": (engine) => {
    const source = `
      ${SETUP}
      push ${Selector.userData}
      push userStack
      push 2
      push ${Selector.userCode32}
      push start
      iretq
      kernel: ud2
      kernel32: hlt
      org user
      bits 32
      start: syscall
      here: ud2`;
    const guest = guestOf(engine, source);
    guest.runExpecting();
    assert.equal(guest.registers.rcx, guest.label("here"));
    assert.deepEqual(selectors(guest), [Selector.code, Selector.data]);
  },
  "#UD without EFER.SCE": (engine) => {
    const guest = guestOf(engine, "here: syscall\n hlt", { withoutEfer: Efer.syscall });
    guest.runExpecting({ vector: 6, rip: guest.label("here") });
  },
  "SYSRET to a non-canonical address is #GP(0) at privilege 0": (engine) => {
    const guest = guestOf(engine, "mov rcx, 0x800000000000\n here: sysretq\n hlt");
    guest.runExpecting({ vector: 13, error: 0, rip: guest.label("here"), cs: Selector.code });
  },
});

const sysenters = chapter("SYSENTER and SYSEXIT", {
  "SYSENTER takes RIP and RSP from its registers and clears IF": (engine) => {
    const source = `
      ${SYSENTER_SETUP}
      ${enterUser("start", 0x202)}
      kernel: pushf
      pop rax
      hlt
      org user
      start: sysenter`;
    const guest = guestOf(engine, source);
    guest.runExpecting();
    assert.deepEqual([guest.registers.rax, guest.registers.rsp], [2n, BigInt(Place.stack)]);
    assert.deepEqual(selectors(guest), [Selector.code, Selector.data]);
  },
  "SYSEXIT to 64-bit code": (engine) => {
    const source = `${SYSENTER_SETUP}\n mov edx, start\n mov ecx, 0x30100\n sysexitq\n kernel: ud2\n org user\n start: ${REPORT}`;
    const guest = guestOf(engine, source);
    guest.runExpecting({
      vector: 0x80,
      cs: Selector.code + 32 + 3,
      ss: Selector.code + 40 + 3,
      rsp: 0x3_0100n,
    });
  },
  "SYSEXIT to 32-bit code": (engine) => {
    const source = `${SYSENTER_SETUP}\n mov edx, start\n mov ecx, 0x30100\n sysexitd\n kernel: ud2\n org user\n bits 32\n start: ${REPORT}`;
    const guest = guestOf(engine, source);
    guest.runExpecting({
      vector: 0x80,
      cs: Selector.code + 16 + 3,
      ss: Selector.code + 24 + 3,
      rsp: 0x3_0100n,
    });
  },
  "#GP(0) while the code selector is null": (engine) => {
    const guest = guestOf(engine, `${enterUser("start")}\n org user\n start: sysenter`);
    guest.runExpecting({ vector: 13, error: 0, rip: guest.label("start") });
  },
});

const bases = chapter("segment bases", {
  "SWAPGS exchanges the two bases": (engine) => {
    const source = `
      ${wrmsr(0xc000_0101, "data")}
      ${wrmsr(0xc000_0102, "data+0x100", 0)}
      swapgs
      mov r9, qword [gs:8]
      swapgs
      mov rbx, qword [gs:8]
      mov ecx, 0xc0000102
      rdmsr
      mov r8, rax
      hlt`;
    const guest = guestOf(engine, source);
    guest.memory.writeU64(Place.data + 8, 0x11n);
    guest.memory.writeU64(Place.data + 0x108, 0x22n);
    guest.runExpecting();
    const { r8, r9, rbx } = guest.registers;
    assert.deepEqual([r9, rbx, r8], [0x22n, 0x11n, BigInt(Place.data + 0x100)]);
  },
  "FS and GS add bases above 4 GiB": (engine) => {
    const source = `${wrmsr(0xc000_0100, 0x8000_0000, 0xffff_ffff)}\n mov rax, qword [fs:0x80080000]\n hlt`;
    const guest = guestOf(engine, source);
    // The displacement is sign-extended: both halves add up to 0xffff_ffff_0008_0000.
    guest.tables.map(0xffff_ffff_0008_0000n, BigInt(Place.frames), 3n);
    guest.memory.writeU64(Place.frames, 0x77n);
    guest.runExpecting();
    assert.equal(guest.registers.rax, 0x77n);
  },
  "bases of the other segments do not count in 64-bit code": (engine) => {
    const guest = guestOf(engine, "mov eax, 0x60\n mov ds, eax\n mov rax, qword [data]\n hlt");
    guest.memory.writeU64(Place.gdt + Selector.spare, descriptor(0x1000, 0xf_ffff, Attributes.data32));
    guest.memory.writeU64(Place.data, 5n);
    guest.runExpecting();
    assert.equal(guest.registers.rax, 5n);
  },
});

const transfers = chapter("far transfers", {
  "IRET to privilege 3 and back": (engine) => {
    const guest = guestOf(engine, `${enterUser("start", 0x202)}\n org user\n start: ${REPORT}`);
    guest.runExpecting({
      vector: 0x80,
      cs: Selector.userCode64,
      ss: Selector.userData,
      rsp: BigInt(Place.userStack),
      rflags: 0x202n,
    });
  },
  "IRET drops data segments of more privilege": (engine) => {
    const source = `${enterUser("start")}\n org user\n start: mov eax, ds\n mov ecx, es\n ${REPORT}`;
    const guest = guestOf(engine, `mov eax, ${Selector.userData}\n mov es, eax\n ${source}`);
    guest.runExpecting({ vector: 0x80 });
    assert.deepEqual([guest.registers.rax, guest.registers.rcx], [0n, BigInt(Selector.userData)]);
  },
  "IRET to 32-bit code, a call there, and back": (engine) => {
    const source = `
      push ${Selector.userData}
      push userStack
      push 2
      push ${Selector.userCode32}
      push start
      iretq
      org user
      bits 32
      start: call sub
      ${REPORT}
      sub: mov eax, dword [esp]
      ret`;
    const guest = guestOf(engine, source);
    guest.runExpecting({ vector: 0x80, cs: Selector.userCode32, rsp: BigInt(Place.userStack) });
    assert.equal(guest.registers.rax, guest.label("start") + 5n);
  },
  "RETF to privilege 3 releases parameters on both stacks": (engine) => {
    const source = `
      push ${Selector.userData}
      push 0x30200
      push 0
      push 0
      push ${Selector.userCode64}
      push start
      db 0x48, 0xca, 16, 0
      org user
      start: ${REPORT}`;
    const guest = guestOf(engine, source);
    guest.runExpecting({ vector: 0x80, cs: Selector.userCode64, ss: Selector.userData, rsp: 0x3_0210n });
  },
  "a far call and its return": (engine) => {
    const source = `
      callf dword [rel pointer]
      here: hlt
      pointer: dd target
      dw ${Selector.code64}
      target: mov ebx, cs
      mov eax, dword [rsp]
      mov ecx, dword [rsp+4]
      retf`;
    const guest = guestOf(engine, source);
    guest.runExpecting();
    const { rax, rbx, rcx, rsp, cs } = guest.registers;
    assert.deepEqual([rax, rbx, rcx], [guest.label("here"), BigInt(Selector.code64), BigInt(Selector.code)]);
    assert.deepEqual([rsp, cs.selector], [BigInt(Place.stack), Selector.code]);
  },
  "#GP: a far jump to code of another privilege": (engine) => {
    const source = `here: jmpf dword [rel pointer]\n hlt\n pointer: dd 0\n dw ${Selector.userCode64}`;
    const guest = guestOf(engine, source);
    guest.runExpecting({ vector: 13, error: Selector.userCode64 & ~3, rip: guest.label("here") });
  },
  "#GP: a far jump to a null selector": (engine) => {
    const guest = guestOf(engine, "here: jmpf dword [rel pointer]\n hlt\n pointer: dd 0\n dw 0");
    guest.runExpecting({ vector: 13, error: 0, rip: guest.label("here") });
  },
  "#NP: a far jump to code that is not present": (engine) => {
    const guest = guestOf(
      engine,
      `here: jmpf dword [rel pointer]\n hlt\n pointer: dd 0\n dw ${Selector.spare}`,
    );
    guest.memory.writeU64(Place.gdt + Selector.spare, descriptor(0, 0xf_ffff, Attributes.code64 & ~0x80));
    guest.runExpecting({ vector: 11, error: Selector.spare, rip: guest.label("here") });
  },
  "#GP: IRET to more privilege": (engine) => {
    const source = `${enterUser("start")}\n org user\n start: push ${Selector.data}\n push 0x9000\n push 2\n push ${Selector.code}\n push start\n here: iretq`;
    const guest = guestOf(engine, source);
    guest.runExpecting({
      vector: 13,
      error: Selector.code,
      rip: guest.label("here"),
      cs: Selector.userCode64,
    });
  },
  "#GP: IRET to a stack segment that does not fit": (engine) => {
    const source = `push ${Selector.data}\n push userStack\n push 2\n push ${Selector.userCode64}\n push 0x20000\n here: iretq`;
    const guest = guestOf(engine, source);
    guest.runExpecting({ vector: 13, error: Selector.data, rip: guest.label("here") });
  },
});

const FLAGS_IN_USER = (value: number): string => `push ${value}\n popf\n pushf\n pop rax\n ${REPORT}`;

const flags = chapter("flags at privilege 3", {
  "POPF changes neither IF nor IOPL, and does not fault": (engine) => {
    const guest = guestOf(
      engine,
      `${enterUser("start", 0x202)}\n org user\n start: ${FLAGS_IN_USER(0x3cd7)}`,
    );
    guest.runExpecting({ vector: 0x80 });
    assert.equal(guest.registers.rax, 0xed7n);
  },
  "with IOPL 3 it changes IF, still not IOPL": (engine) => {
    const guest = guestOf(engine, `${enterUser("start", 0x3202)}\n org user\n start: ${FLAGS_IN_USER(2)}`);
    guest.runExpecting({ vector: 0x80 });
    assert.equal(guest.registers.rax, 0x3002n);
  },
  "with IOPL 3 CLI and STI are allowed": (engine) => {
    const guest = guestOf(
      engine,
      `${enterUser("start", 0x3202)}\n org user\n start: cli\n pushf\n pop rax\n ${REPORT}`,
    );
    guest.runExpecting({ vector: 0x80 });
    assert.equal(guest.registers.rax, 0x3002n);
  },
  "IRET at privilege 3 changes neither": (engine) => {
    const source = `${enterUser("start", 0x202)}\n org user\n start: push ${Selector.userData}\n push userStack\n push 0x3002\n push ${Selector.userCode64}\n push next\n iretq\n next: pushf\n pop rax\n ${REPORT}`;
    const guest = guestOf(engine, source);
    guest.runExpecting({ vector: 0x80 });
    assert.equal(guest.registers.rax, 0x202n);
  },
});

export const PRIVILEGE_TRANSITIONS = [...syscalls, ...sysenters, ...bases, ...transfers, ...flags];
