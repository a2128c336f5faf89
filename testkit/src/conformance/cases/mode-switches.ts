// From the PVH entry state to long mode, compatibility mode, and all the way back to real mode; real-mode start-up code. SDM volume 3,
// sections 9.8 and 9.9.

import assert from "node:assert/strict";
import { type Engine, ExitReason } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Selector } from "../descriptors.ts";
import { blankRegisters, Guest, Place } from "../guest.ts";
import { ProtectedModeGuest } from "../protected-mode-guest.ts";

/** Tables built by the guest itself: one 2 MiB page at 0. */
const BUILD_TABLES = `
  mov dword [0x100000], 0x101003
  mov dword [0x101000], 0x102003
  mov dword [0x102000], 0x83`;
const ENTER_LONG_MODE = `
  ${BUILD_TABLES}
  mov eax, cr4
  or eax, 0x20
  mov cr4, eax
  mov eax, 0x100000
  mov cr3, eax
  mov ecx, 0xc0000080
  rdmsr
  or eax, 0x100
  wrmsr
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax`;

const EFER_TO = (where: string): string => `mov ecx, 0xc0000080\n rdmsr\n mov dword [${where}], eax`;

const long = chapter("PVH entry to long mode", {
  "64-bit code runs": (engine) => {
    const source = `
      ${ENTER_LONG_MODE}
      jmp ${Selector.code64}:long
      bits 64
      long: mov rax, 0x123456789abcdef0
      mov r15, rax
      hlt`;
    const guest = new ProtectedModeGuest(engine, source);
    guest.runExpecting();
    assert.deepEqual([guest.registers.r15, guest.registers.efer], [0x1234_5678_9abc_def0n, 0x500n]);
  },
  "paging on makes it compatibility mode first": (engine) => {
    const source = `mov dword [data], 0\n ${ENTER_LONG_MODE}\n db 0x40\n ${EFER_TO("data")}\n hlt`;
    const guest = new ProtectedModeGuest(engine, source);
    guest.runExpecting();
    assert.equal(guest.memory.readU32(Place.data), 0x500);
  },
  "#GP: paging with EFER.LME but without PAE": (engine) => {
    const source = `${ENTER_LONG_MODE.replace("or eax, 0x20", "or eax, 0")}\n hlt`;
    const guest = new ProtectedModeGuest(engine, source);
    guest.runExpecting({ vector: 13, error: 0 });
  },
  "there and back: long, compatibility, protected, 16-bit, real, protected": (engine) => {
    const source = `
      ${ENTER_LONG_MODE}
      jmp ${Selector.code64}:long
      bits 64
      long: mov r8, 0x1111111111111111
      push ${Selector.code32}
      push compatibility
      retfq
      bits 32
      compatibility: mov ebx, 1
      db 0x43
      mov eax, cr0
      and eax, 0x7fffffff
      mov cr0, eax
      ${EFER_TO("data")}
      jmp ${Selector.code16}:narrow-0x10000
      bits 16
      narrow: mov eax, ${Selector.data16}
      mov ds, ax
      mov ss, ax
      mov eax, cr0
      and eax, -2
      mov cr0, eax
      jmp 0x1000:real-0x10000
      real: mov eax, 0
      mov ds, ax
      mov ss, ax
      mov sp, 0x7000
      push 0x1234
      pop cx
      mov esi, cs
      mov eax, cr0
      or eax, 1
      mov cr0, eax
      jmpd ${Selector.code}:flat
      bits 32
      flat: mov eax, ${Selector.data}
      mov ds, eax
      mov ss, eax
      mov edx, 0xabcdef01
      hlt`;
    const guest = new ProtectedModeGuest(engine, source);
    guest.runToHalt();
    const { rbx, rcx, rsi, rdx, r8, cs, efer, cr0 } = guest.registers;
    assert.deepEqual([rbx, rcx & 0xffffn, rsi & 0xffffn, rdx], [2n, 0x1234n, 0x1000n, 0xabcd_ef01n]);
    assert.equal(r8, 0x1111_1111_1111_1111n, "upper registers are only hidden");
    assert.equal(guest.memory.readU32(Place.data), 0x100, "LMA went with paging");
    assert.deepEqual([cs.selector, efer, cr0 & 0x8000_0001n], [Selector.code, 0x100n, 1n]);
  },
});

/** A guest as after reset with CS:IP moved to 0:7C00, where boot sectors start. */
function realMode(engine: Engine, source: string): Guest {
  const origin = 0x7c00;
  const guest = new Guest(engine, source, 16, origin);
  const registers = blankRegisters();
  const segment = (attributes: number) => ({ selector: 0, base: 0n, limit: 0xffff, attributes });
  const [ds, es, fs, gs, ss] = Array.from({ length: 5 }, () => segment(0x93)) as [
    never,
    never,
    never,
    never,
    never,
  ];
  guest.vcpu.setRegisters({
    ...registers,
    rip: BigInt(origin),
    rsp: 0x7000n,
    cr0: 0x10n,
    cs: segment(0x9b),
    ...{ ds, es, fs, gs, ss },
    tr: { selector: 0, base: 0n, limit: 0xffff, attributes: 0x8b },
    idtr: { base: 0n, limit: 0x3ff },
  });
  return guest;
}

/** Entry of the interrupt vector table. */
function setVector(guest: Guest, vector: number, label: string): void {
  guest.memory.writeU16(vector * 4, Number(guest.label(label)));
  guest.memory.writeU16(vector * 4 + 2, 0);
}

const real = chapter("real mode", {
  "segments are sixteen times their selector": (engine) => {
    const guest = realMode(
      engine,
      "mov ax, 0x1234\n mov ds, ax\n mov ebx, 0x10\n mov byte [ebx], 0x77\n hlt",
    );
    assert.equal(guest.run(), ExitReason.Halt);
    assert.equal(guest.memory.readU8(0x12350), 0x77);
  },
  "INT pushes FLAGS, CS and IP, and IRET pops them": (engine) => {
    const source =
      "sti\n int 0x21\n next: pushf\n pop dx\n hlt\n handler: pushf\n pop bx\n mov ebp, esp\n mov cx, word [ebp]\n iret";
    const guest = realMode(engine, source);
    setVector(guest, 0x21, "handler");
    assert.equal(guest.run(), ExitReason.Halt);
    const { rbx, rcx, rdx, rsp } = guest.registers;
    assert.deepEqual([rbx & 0x200n, rcx, rdx & 0x200n, rsp], [0n, guest.label("next"), 0x200n, 0x7000n]);
  },
  "exceptions push no error code": (engine) => {
    const guest = realMode(engine, "fault: ud2\n handler: mov ebp, esp\n mov bx, word [ebp]\n hlt");
    setVector(guest, 6, "handler");
    assert.equal(guest.run(), ExitReason.Halt);
    assert.deepEqual([guest.registers.rbx, guest.registers.rsp], [guest.label("fault"), 0x7000n - 6n]);
  },
  "an interrupt of the bus": (engine) => {
    const guest = realMode(
      engine,
      "sti\n nop\n wait: jmp wait\n handler: mov ebp, esp\n mov bx, word [ebp]\n hlt",
    );
    setVector(guest, 8, "handler");
    guest.bus.interrupt(8);
    assert.equal(guest.run(), ExitReason.Halt);
    assert.equal(guest.registers.rbx, guest.label("wait"));
  },
  "far calls, far returns and ports": (engine) => {
    const source = `
      call 0x07c0:sub-0x7c00
      mov al, 0x42
      out 0x80, al
      hlt
      sub: mov bx, cs
      retf`;
    const guest = realMode(engine, source);
    assert.equal(guest.run(), ExitReason.Halt);
    assert.equal(guest.registers.rbx, 0x7c0n);
    assert.deepEqual(guest.bus.written(0x80), [0x42]);
  },
  "string moves wrap at 64 KiB": (engine) => {
    const source =
      "cld\n mov edi, 0xfffc\n mov ax, 0x2000\n mov es, ax\n mov ecx, 8\n mov al, 0x99\n rep stosb\n hlt";
    const guest = realMode(engine, source);
    assert.equal(guest.run(), ExitReason.Halt);
    assert.equal(guest.memory.readU32(0x2fffc), 0x9999_9999);
    assert.equal(guest.memory.readU32(0x20000), 0x9999_9999);
    assert.equal(guest.memory.readU8(0x30000), 0);
    assert.equal(guest.registers.rdi, 4n);
  },
  "segments loaded in protected mode keep their base and limit (unreal mode)": (engine) => {
    const source = `
      lgdt [table]
      mov eax, cr0
      or eax, 1
      mov cr0, eax
      jmp set
      set: mov bx, 8
      mov fs, bx
      and eax, -2
      mov cr0, eax
      jmp 0:done
      done: mov ebx, 0x100000
      mov byte [fs:ebx], 0x3c
      hlt
      table: dw 15
      dd entries
      align 8
      entries: dq 0, 0x008f92000000ffff`;
    const guest = realMode(engine, source);
    assert.equal(guest.run(), ExitReason.Halt);
    assert.equal(guest.memory.readU8(0x10_0000), 0x3c);
  },
  "start-up code: to protected mode and long mode": (engine) => {
    const source = `
      cli
      lgdt [table]
      mov eax, cr0
      or eax, 1
      mov cr0, eax
      jmpd 8:flat
      bits 32
      flat: mov eax, 0x10
      mov ds, eax
      mov ss, eax
      mov esp, 0x7000
      ${ENTER_LONG_MODE}
      jmp 0x18:long
      bits 64
      long: mov rbx, 0x8877665544332211
      hlt
      bits 16
      table: dw 31
      dd entries
      align 8
      entries: dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00af9a000000ffff`;
    const guest = realMode(engine, source);
    assert.equal(guest.run(), ExitReason.Halt);
    assert.equal(guest.registers.rbx, 0x8877_6655_4433_2211n);
  },
  "shutdown: an exception beyond the table's limit": (engine) => {
    const guest = realMode(engine, "ud2");
    guest.vcpu.setRegisters({ ...guest.registers, idtr: { base: 0n, limit: 3 } });
    assert.equal(guest.run(), ExitReason.Shutdown);
  },
});

export const MODE_SWITCHES = [...long, ...real];
