// 32-bit protected mode: interrupts and their frames, privilege changes through the 32-bit task state, segments with a base, 16-bit
// segments. SDM volume 3, chapters 3, 5 and 6.

import assert from "node:assert/strict";
import { type Engine, ExitReason } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Attributes, descriptor, Selector } from "../descriptors.ts";
import { Place } from "../guest.ts";
import { enterUser32, ProtectedModeGuest } from "../protected-mode-guest.ts";

const RF = 0x1_0000n;

const delivery = chapter("interrupts in protected mode", {
  "the same privilege pushes three words": (engine) => {
    const guest = new ProtectedModeGuest(engine, "int 0x40\n next: hlt");
    guest.runExpecting({
      vector: 0x40,
      rip: guest.label("next"),
      cs: Selector.code,
      rflags: 2n,
      ss: 0,
      frame: BigInt(Place.stack - 12),
    });
  },
  "a fault with an error code": (engine) => {
    const guest = new ProtectedModeGuest(engine, "mov eax, 0x1000\n here: mov ds, eax\n hlt");
    guest.runExpecting({ vector: 13, error: 0x1000, rip: guest.label("here"), rflags: 2n | RF });
  },
  "from privilege 3 the stack of the task state is taken": (engine) => {
    const guest = new ProtectedModeGuest(
      engine,
      `${enterUser32("start", 0x202)}\n org user\n start: int3\n next: nop`,
    );
    guest.runExpecting({
      vector: 3,
      rip: guest.label("next"),
      cs: Selector.userCode32,
      ss: Selector.userData,
      rsp: BigInt(Place.userStack),
      rflags: 0x202n,
      frame: BigInt(Place.privilegeStack - 20),
    });
  },
  "IRET to privilege 3 and back twice": (engine) => {
    const source = `mov edi, 1\n ${enterUser32("start")}\n org user\n start: int3\n int3\n mov edi, 0\n int3`;
    const guest = new ProtectedModeGuest(engine, source);
    guest.runExpecting({ vector: 3 }, { vector: 3 }, { vector: 3 });
  },
  "#GP: INT n at privilege 3 through a gate of privilege 0": (engine) => {
    const guest = new ProtectedModeGuest(engine, `${enterUser32("start")}\n org user\n start: int 0x80`);
    guest.runExpecting({ vector: 13, error: 0x402, rip: guest.label("start") });
  },
  "#TS: the task state's stack selector is beyond the table": (engine) => {
    // Its handler is conforming code, which needs no stack of the task state, and reports by a port.
    const source = `${enterUser32("start", 0x3002)}\n org user\n start: int3\n handler: pop eax\n out 0x80, eax\n spin: jmp spin`;
    const guest = new ProtectedModeGuest(engine, source);
    guest.memory.writeU16(Place.task + 8, 0x1000);
    guest.memory.writeU64(Place.gdt + Selector.spare, descriptor(0, 0xf_ffff, Attributes.code32 | 4));
    guest.setGate(10, "handler", { selector: Selector.spare });
    guest.vcpu.run(100);
    assert.deepEqual(guest.bus.written(0x80), [0x1000]);
  },
  "shutdown: no stack for the double fault either": (engine) => {
    const guest = new ProtectedModeGuest(engine, `${enterUser32("start")}\n org user\n start: int3`);
    guest.memory.writeU16(Place.task + 8, 0x1000);
    assert.equal(guest.run(), ExitReason.Shutdown);
  },
  "an interrupt of the bus": (engine) => {
    const guest = new ProtectedModeGuest(engine, "sti\n nop\n wait: jmp wait");
    guest.bus.interrupt(0x41);
    guest.runExpecting({ vector: 0x41, rip: guest.label("wait"), rflags: 0x202n });
  },
  "MOV SS and the stack pointer are one": (engine) => {
    const code = "mov eax, ss\n sti\n mov ss, eax\n mov esp, 0x8800\n next: nop\n hlt";
    const guest = new ProtectedModeGuest(engine, code);
    guest.bus.interrupt(0x41);
    guest.runExpecting({ vector: 0x41, frame: 0x8800n - 12n, rip: guest.label("next") });
  },
  "MOV SS as the last bytes of a page": (engine) => {
    const code = `mov eax, ss\n jmp start\n org ${Place.code + 0x1000 - 3}\n start: sti\n mov ss, eax\n mov esp, 0x8800\n next: nop\n hlt`;
    const guest = new ProtectedModeGuest(engine, code);
    guest.bus.interrupt(0x41);
    guest.runExpecting({ vector: 0x41, frame: 0x8800n - 12n, rip: guest.label("next") });
  },
  "INTO traps only with OF": (engine) => {
    const guest = new ProtectedModeGuest(engine, "into\n mov al, 0x7f\n add al, 1\n into\n next: hlt");
    guest.runExpecting({ vector: 4, rip: guest.label("next") });
  },
  "a 16-bit gate pushes words": (engine) => {
    const guest = new ProtectedModeGuest(
      engine,
      "int 0x40\n next: hlt\n handler: mov ebx, esp\n mov eax, dword [esp]\n hlt",
    );
    // 16-bit gates reach 64 KiB only: the handler is copied down.
    const at = 0x7000;
    const code = Number(guest.label("handler")) - Place.code;
    guest.memory.write(at, guest.program.bytes.slice(code));
    guest.memory.writeU64(Place.idt + 0x40 * 8, BigInt(at) | (BigInt(Selector.code) << 16n) | (0x86n << 40n));
    guest.runToHalt();
    const low = guest.label("next") & 0xffffn;
    assert.deepEqual(
      [guest.registers.rbx, guest.registers.rax],
      [BigInt(Place.stack - 6), low | (BigInt(Selector.code) << 16n)],
    );
  },
});

/** Selector.spare with a base. */
function withBase(engine: Engine, source: string, base: number, attributes: number): ProtectedModeGuest {
  const guest = new ProtectedModeGuest(engine, source);
  guest.memory.writeU64(Place.gdt + Selector.spare, descriptor(base, 0xf_ffff, attributes));
  return guest;
}

const LOAD = `mov eax, ${Selector.spare}\n`;

const segments = chapter("segments in protected mode", {
  "a data segment's base is added": (engine) => {
    const guest = withBase(
      engine,
      `${LOAD} mov ds, eax\n mov eax, dword [0x10]\n hlt`,
      Place.data,
      Attributes.data32,
    );
    guest.memory.writeU32(Place.data + 0x10, 0x1234);
    guest.runExpecting();
    assert.equal(guest.registers.rax, 0x1234n);
  },
  "linear addresses wrap at 4 GiB": (engine) => {
    const guest = withBase(
      engine,
      `${LOAD} mov es, eax\n mov ebx, 0x80001000\n mov eax, dword [es:ebx+0x7000]\n hlt`,
      0x8007_8000,
      Attributes.data32,
    );
    guest.memory.writeU32(Place.data, 0x4321);
    guest.runExpecting();
    assert.equal(guest.registers.rax, 0x4321n);
  },
  "a stack segment's base is added": (engine) => {
    const guest = withBase(
      engine,
      `${LOAD} mov ss, eax\n mov esp, 0x100\n push eax\n hlt`,
      Place.data,
      Attributes.data32,
    );
    guest.runExpecting();
    assert.equal(guest.memory.readU32(Place.data + 0xfc), Selector.spare);
  },
  "EBP addresses the stack segment": (engine) => {
    const guest = withBase(
      engine,
      `${LOAD} mov ss, eax\n mov ebp, 8\n mov eax, dword [ebp]\n hlt`,
      Place.data,
      Attributes.data32,
    );
    guest.memory.writeU32(Place.data + 8, 0x55);
    guest.runExpecting();
    assert.equal(guest.registers.rax, 0x55n);
  },
  "a 16-bit stack wraps at 64 KiB": (engine) => {
    const source = `mov eax, ${Selector.data16}\n mov ss, eax\n mov esp, 0x12340002\n push eax\n hlt`;
    const guest = new ProtectedModeGuest(engine, source);
    guest.runExpecting();
    assert.equal(guest.registers.rsp, 0x1234_fffen);
    assert.equal(guest.memory.readU16(0xfffe), Selector.data16);
  },
  "code with a base": (engine) => {
    const guest = withBase(
      engine,
      `jmp ${Selector.spare}:there-0x8000\n hlt\n there: call sub\n here: hlt\n sub: mov eax, dword [esp]\n ret`,
      0x8000,
      Attributes.code32,
    );
    guest.runExpecting();
    assert.equal(guest.registers.rax, guest.label("here") - 0x8000n);
    assert.equal(guest.registers.rip, guest.label("here") - 0x8000n + 1n);
  },
  "a far call to 16-bit code and back": (engine) => {
    const source = `
      call ${Selector.code16}:sub-0x10000
      here: hlt
      bits 16
      sub: mov ax, 0x1234
      inc ax
      db 0x66
      retf`;
    const guest = new ProtectedModeGuest(engine, source);
    guest.runExpecting();
    assert.deepEqual([guest.registers.rax, guest.registers.rip], [0x1235n, guest.label("here") + 1n]);
  },
  "#SS and #GP: selectors of the wrong kind": (engine) => {
    const guest = withBase(
      engine,
      `${LOAD} mov edi, a\n mov ss, eax\n a: mov edi, 0\n b: mov ds, eax\n hlt`,
      0,
      Attributes.data32 & ~0x80,
    );
    guest.runExpecting(
      { vector: 12, error: Selector.spare },
      { vector: 11, error: Selector.spare, rip: guest.label("b") },
    );
  },
  "an access beyond a limit is #GP(0)": (engine) => {
    const guest = new ProtectedModeGuest(
      engine,
      `${LOAD} mov ds, eax\n mov ebx, dword [0xffc]\n here: mov ebx, dword [0xffd]\n hlt`,
    );
    guest.memory.writeU64(Place.gdt + Selector.spare, descriptor(0, 0xfff, Attributes.data32 & ~0x8000));
    guest.runExpecting({ vector: 13, error: 0, rip: guest.label("here") });
  },
  "a stack access beyond its limit is #SS(0)": (engine) => {
    const guest = new ProtectedModeGuest(
      engine,
      `${LOAD} mov ss, eax\n mov esp, 0x9000\n push eax\n here: mov eax, dword [esp+0x3000]\n hlt`,
    );
    guest.memory.writeU64(Place.gdt + Selector.spare, descriptor(0, 0xbfff, Attributes.data32 & ~0x8000));
    guest.runExpecting({ vector: 12, error: 0, rip: guest.label("here") });
  },
});

const legacyOnly = chapter("instructions of 32-bit code", {
  "PUSHA and POPA": (engine) => {
    const source =
      "mov eax, 1\n mov ecx, 2\n mov edi, 8\n db 0x60\n mov eax, 0\n mov ecx, 0\n mov edi, 0\n db 0x61\n hlt";
    const guest = new ProtectedModeGuest(engine, source);
    guest.runExpecting();
    const { rax, rcx, rdi, rsp } = guest.registers;
    assert.deepEqual([rax, rcx, rdi, rsp], [1n, 2n, 8n, BigInt(Place.stack)]);
  },
  "INC and DEC by one byte": (engine) => {
    const guest = new ProtectedModeGuest(engine, "mov eax, 5\n db 0x40\n db 0x40\n db 0x48\n hlt");
    guest.runExpecting();
    assert.equal(guest.registers.rax, 6n);
  },
  "BOUND raises #BR outside": (engine) => {
    const source =
      "mov dword [data], 2\n mov dword [data+4], 5\n mov eax, 5\n mov ebx, data\n db 0x62, 0x03\n mov eax, 6\n here: db 0x62, 0x03\n hlt";
    const guest = new ProtectedModeGuest(engine, source);
    guest.runExpecting({ vector: 5, rip: guest.label("here") });
  },
  "PUSH and POP of segment registers": (engine) => {
    const guest = new ProtectedModeGuest(
      engine,
      `push ${Selector.userData}\n pop es\n push es\n pop eax\n hlt`,
    );
    guest.runExpecting();
    assert.equal(guest.registers.rax & 0xffffn, BigInt(Selector.userData));
  },
});

export const PROTECTED_MODE = [...delivery, ...segments, ...legacyOnly];
