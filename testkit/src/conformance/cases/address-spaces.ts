// Address spaces told apart by PCIDs: each sees its own data and code, however many there are, and what is invalidated for another
// PCID is gone. SDM volume 3, section 4.10. An old translation may be forgotten early, so no case asks for one to be kept.

import assert from "node:assert/strict";
import type { Engine } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Place } from "../guest.ts";
import { Cr4, enterUser, LongModeGuest } from "../long-mode-guest.ts";
import { Pte } from "../page-tables.ts";

const WINDOW = 0x4000_0000n;
/** In the window, behind its code. */
const DATA = 0x800;
const TABLES = 0x9_0000;
const RESULTS = Place.data + 0x100;
/** More than an implementation is likely to keep at once. */
const SPACES = 9;
const ROUNDS = 4;
const NO_FLUSH = 1n << 63n;
const { present, writable, user } = Pte;

const frameOf = (n: number): bigint => BigInt(Place.frames + n * 0x1000);
const tablesOf = (n: number): number => TABLES + n * 0x4000;
const windowEntryOf = (n: number): number => tablesOf(n) + 0x3000;
const cr3Of = (n: number): bigint => BigInt(tablesOf(n) + n + 1);

/**
 * A guest with tables for each space, PCIDs 1 and up: all share the program's part, the window is the space's own frame. There are
 * `mov eax, n` and `ret`, and n as data. R9 points at the values for CR3, with bit 63 set, and R10 at the place for results.
 */
function guestOf(engine: Engine, source: string, extra = 0n): LongModeGuest {
  const registers = { rbx: WINDOW, r9: BigInt(Place.data), r10: BigInt(RESULTS) };
  const guest = new LongModeGuest(engine, source, { cr4: Cr4.pcid, registers });
  const { memory, tables } = guest;
  const shared = memory.readU64(Number(memory.readU64(tables.root)) & ~0xfff);
  const flags = present | writable | user;
  for (let n = 0; n < SPACES; n++) {
    const at = tablesOf(n);
    memory.writeU64(at, BigInt(at + 0x1000) | flags);
    memory.writeU64(at + 0x1000, shared);
    memory.writeU64(at + 0x1008, BigInt(at + 0x2000) | flags);
    memory.writeU64(at + 0x2000, BigInt(at + 0x3000) | flags);
    memory.writeU64(windowEntryOf(n), frameOf(n) | flags | extra);
    memory.write(Number(frameOf(n)), new Uint8Array([0xb8, n, 0, 0, 0, 0xc3]));
    memory.writeU64(Number(frameOf(n)) + DATA, BigInt(n));
    memory.writeU64(Place.data + n * 8, cr3Of(n) | NO_FLUSH);
  }
  return guest;
}

/** Visits the spaces in turn, several times; what `look` leaves in RAX each time must be the space's number. */
function inTurn(look: string) {
  return (engine: Engine): void => {
    const guest = guestOf(
      engine,
      `mov esi, ${ROUNDS}
       round: mov edi, 0
       next: mov rax, qword [r9+rdi*8]
       mov cr3, rax
       ${look}
       mov qword [r10], rax
       add r10, 8
       add edi, 1
       cmp edi, ${SPACES}
       jne next
       sub esi, 1
       jne round
       hlt`,
    );
    guest.runExpecting();
    assertResults(guest);
  };
}

function assertResults(guest: LongModeGuest): void {
  for (let i = 0; i < ROUNDS * SPACES; i++)
    assert.equal(guest.memory.readU64(RESULTS + i * 8), BigInt(i % SPACES), `visit ${i}`);
}

/**
 * Space 0 is used, then in space 1 its entry for the window is changed to the frame of space 2, and `drop` runs. Back in space 0
 * data and code must be those of the new frame.
 */
function drops(drop: string, extra = 0n) {
  return (engine: Engine): void => {
    const source = `
      mov rax, qword [r9]
      mov cr3, rax
      mov rax, qword [rbx+${DATA}]
      call rbx
      mov rax, qword [r9+8]
      mov cr3, rax
      mov rax, qword [rbx+${DATA}]
      call rbx
      mov qword [rsi], rdx
      ${drop}
      mov rax, qword [r9]
      mov cr3, rax
      mov rcx, qword [rbx+${DATA}]
      call rbx
      hlt`;
    const guest = guestOf(engine, source, extra);
    const rdx = frameOf(2) | present | writable | user | extra;
    guest.vcpu.setRegisters({ ...guest.registers, rsi: BigInt(windowEntryOf(0)), rdx });
    guest.runExpecting();
    assert.deepEqual([guest.registers.rcx, guest.registers.rax], [2n, 2n]);
  };
}

/** INVPCID for PCID 1 and the window. */
const invpcid = (type: number): string => `
  mov qword [data+0x80], 1
  mov qword [data+0x88], ${WINDOW}
  mov ecx, ${type}
  invpcid rcx, oword [data+0x80]`;
const LOAD_CR3 = `mov rax, ${cr3Of(0)}\n mov cr3, rax`;
const TOGGLE_PGE = "mov rcx, cr4\n xor rcx, 0x80\n mov cr4, rcx\n xor rcx, 0x80\n mov cr4, rcx";
const TOGGLE_PCIDE = `
  mov rcx, cr4
  xor rcx, 0x20000
  mov cr4, rcx
  mov rax, ${tablesOf(1)}
  mov cr3, rax
  xor rcx, 0x20000
  mov cr4, rcx`;

export const ADDRESS_SPACES = chapter("address spaces", {
  "each sees its own data": inTurn(`mov rax, qword [rbx+${DATA}]`),
  "each runs its own code": inTurn("mov eax, 0xff\n call rbx"),
  "INVPCID of one address of another PCID": drops(invpcid(0)),
  "INVPCID of another PCID": drops(invpcid(1)),
  "INVPCID of everything": drops(invpcid(2)),
  "INVPCID of everything but global pages": drops(invpcid(3)),
  "INVPCID of everything, for a global page": drops(invpcid(2), Pte.global),
  "a load of CR3 without bit 63": drops(LOAD_CR3),
  "a change of CR4.PGE": drops(TOGGLE_PGE, Pte.global),
  "clearing CR4.PCIDE": drops(TOGGLE_PCIDE),
  "INVLPG of a global page counts for every PCID": drops("invlpg [rbx]", Pte.global),

  "programs at privilege 3 run their own code": (engine) => {
    const source = `
      mov esi, ${ROUNDS}
      mov edi, 0
      mov rax, qword [r9]
      mov cr3, rax
      ${enterUser("start")}
      next: mov qword [r10], rax
      add r10, 8
      add edi, 1
      cmp edi, ${SPACES}
      jne load
      mov edi, 0
      sub esi, 1
      jne load
      hlt
      load: mov rax, qword [r9+rdi*8]
      mov cr3, rax
      mov eax, 0xff
      iretq
      org user
      start: call rbx
      int 0x80
      jmp start`;
    const guest = guestOf(engine, source);
    guest.setGate(0x80, "next", { privilege: 3 });
    guest.runExpecting();
    assertResults(guest);
  },

  "INVLPG moves code": (engine) => {
    const source = `
      mov rax, qword [r9]
      mov cr3, rax
      call rbx
      mov qword [rsi], rdx
      invlpg [rbx+5]
      call rbx
      hlt`;
    const guest = guestOf(engine, source);
    const rdx = frameOf(2) | present | writable | user;
    guest.vcpu.setRegisters({ ...guest.registers, rsi: BigInt(windowEntryOf(0)), rdx });
    guest.runExpecting();
    assert.equal(guest.registers.rax, 2n);
  },

  "INVPCID with a PCID is #GP(0) without CR4.PCIDE": (engine) => {
    const source = `
      mov qword [data], 1
      mov qword [data+8], 0
      mov ecx, 1
      here: invpcid rcx, oword [data]
      hlt`;
    const guest = new LongModeGuest(engine, source);
    guest.runExpecting({ vector: 13, error: 0, rip: guest.label("here") });
  },
});
