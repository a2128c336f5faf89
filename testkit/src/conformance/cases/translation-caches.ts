// When changed page tables must be seen: INVLPG, INVPCID, loads of CR3 and CR4, global pages, PCIDs, entries that were not present.
// SDM volume 3, section 4.10. An old translation may be forgotten early, so no case asks for one to be kept.

import assert from "node:assert/strict";
import type { Engine, VcpuRegisters } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Place } from "../guest.ts";
import { Cr4, LongModeGuest, type LongModeOptions } from "../long-mode-guest.ts";
import { type PageShift, Pte } from "../page-tables.ts";

const WINDOW = 0x4000_0000n;
const { present, writable, user } = Pte;
const OLD_FRAME = 0x40_0000n;
const NEW_FRAME = 0x60_0000n;

/**
 * The guest reads the window, replaces its entry (RSI points at it, RDX holds the new one), runs `flush`, and reads again: RAX must
 * be what the new frame holds. A write through the new translation must reach the new frame too.
 */
function sees(flush: string, options: LongModeOptions = {}, extra = 0n, shift: PageShift = 12) {
  return (engine: Engine): void => {
    const source = `
      mov rax, qword [rbx]
      mov qword [rbx+8], rax
      mov qword [rsi], rdx
      ${flush}
      mov rax, qword [rbx]
      mov qword [rbx+16], rax
      hlt`;
    const guest = new LongModeGuest(engine, source, options);
    const flags = present | writable | extra;
    const entry = guest.tables.map(WINDOW, OLD_FRAME, flags, shift);
    guest.memory.writeU64(Number(OLD_FRAME), 1n);
    guest.memory.writeU64(Number(NEW_FRAME), 2n);
    const replacement = NEW_FRAME | flags | (shift === 12 ? 0n : Pte.large);
    start(guest, { rbx: WINDOW, rsi: BigInt(entry), rdx: replacement });
    guest.runExpecting();
    assert.equal(guest.registers.rax, 2n);
    assert.equal(guest.memory.readU64(Number(OLD_FRAME) + 16), 0n);
    assert.equal(guest.memory.readU64(Number(NEW_FRAME) + 16), 2n);
  };
}

function start(guest: LongModeGuest, registers: Partial<VcpuRegisters>): void {
  guest.vcpu.setRegisters({ ...guest.registers, ...registers });
}

const pcid: LongModeOptions = { cr4: Cr4.pcid };
const TOGGLE_PGE = "mov rcx, cr4\n xor rcx, 0x80\n mov cr4, rcx\n xor rcx, 0x80\n mov cr4, rcx";
/** INVPCID descriptor at Place.data: PCID 0 and the window. */
const invpcid = (type: number): string => `
  mov qword [data], 0
  mov qword [data+8], 0x40000000
  mov ecx, ${type}
  invpcid rcx, oword [data]`;

export const TRANSLATION_CACHES = chapter("translation caches", {
  INVLPG: sees("invlpg [rbx]"),
  "INVLPG of another address in the page": sees("invlpg [rbx+0xfff]"),
  "INVLPG of a global page": sees("invlpg [rbx]", {}, Pte.global),
  "INVLPG anywhere in a 2 MiB page": sees("invlpg [rbx+0x123456]", {}, 0n, 21),
  "a load of CR3": sees("mov rcx, cr3\n mov cr3, rcx"),
  "a load of CR3 with PCIDs": sees("mov rcx, cr3\n mov cr3, rcx", pcid),
  "a change of CR4.PGE drops global pages": sees(TOGGLE_PGE, {}, Pte.global),
  "INVPCID of one address": sees(invpcid(0), pcid),
  "INVPCID of one context": sees(invpcid(1), pcid),
  "INVPCID of everything": sees(invpcid(2), pcid, Pte.global),
  "INVPCID of everything but global pages": sees(invpcid(3), pcid),

  "an entry that becomes present needs no invalidation": (engine) => {
    const guest = new LongModeGuest(
      engine,
      `mov rax, qword [rbx]
       hlt
       handler: mov qword [rsi], rdx
       add rsp, 8
       iretq`,
    );
    const entry = guest.tables.entryOf(WINDOW, 12);
    guest.setGate(14, "handler");
    guest.memory.writeU64(Number(NEW_FRAME), 2n);
    start(guest, { rbx: WINDOW, rsi: BigInt(entry), rdx: NEW_FRAME | present });
    guest.runExpecting();
    assert.equal(guest.registers.rax, 2n);
  },

  "after a fault a page made writable is writable": (engine) => {
    const source = `
      mov rax, qword [rbx]
      mov qword [rbx], rbx
      hlt
      handler: mov qword [rsi], rdx
      add rsp, 8
      iretq`;
    const guest = new LongModeGuest(engine, source);
    const entry = guest.tables.map(WINDOW, NEW_FRAME, present);
    guest.setGate(14, "handler");
    start(guest, { rbx: WINDOW, rsi: BigInt(entry), rdx: NEW_FRAME | present | writable });
    guest.runExpecting();
    assert.equal(guest.memory.readU64(Number(NEW_FRAME)), WINDOW);
  },

  "another CR3 gives another address space": (engine) => {
    const source = `
      mov rax, qword [rbx]
      mov cr3, rdx
      mov rcx, qword [rbx]
      mov cr3, rsi
      mov rdi, qword [rbx]
      hlt`;
    const values = switchSpaces(engine, source, {});
    assert.deepEqual(values, [1n, 2n, 1n]);
  },

  "PCIDs keep address spaces apart without flushing": (engine) => {
    // Bit 63 of the value asks to keep what is cached for that PCID.
    const source = `
      mov rbp, 0x8000000000000000
      or rdx, 2
      or rsi, 1
      mov cr3, rsi
      mov rax, qword [rbx]
      or rdx, rbp
      mov cr3, rdx
      mov rcx, qword [rbx]
      or rsi, rbp
      mov cr3, rsi
      mov rdi, qword [rbx]
      hlt`;
    assert.deepEqual(switchSpaces(engine, source, pcid), [1n, 2n, 1n]);
  },

  "CR3 reads back with its PCID and without bit 63": (engine) => {
    const source = `
      mov rax, cr3
      or rax, 5
      mov rcx, 0x8000000000000000
      or rcx, rax
      mov cr3, rcx
      mov rdx, cr3
      sub rdx, rax
      hlt`;
    const guest = new LongModeGuest(engine, source, pcid);
    guest.runExpecting();
    assert.equal(guest.registers.rdx, 0n);
  },

  "bit 63 of CR3 without CR4.PCIDE is #GP(0)": (engine) => {
    const source = `
      mov rax, cr3
      mov rcx, 0x8000000000000000
      or rax, rcx
      load: mov cr3, rax
      hlt`;
    const guest = new LongModeGuest(engine, source);
    guest.runExpecting({ vector: 13, error: 0, rip: guest.label("load") });
  },

  "CR4.PCIDE with a PCID in CR3 is #GP(0)": (engine) => {
    const source = `
      mov rax, cr3
      or rax, 8
      mov cr3, rax
      mov rax, cr4
      or rax, 0x20000
      load: mov cr4, rax
      hlt`;
    const guest = new LongModeGuest(engine, source);
    guest.runExpecting({ vector: 13, error: 0, rip: guest.label("load") });
  },

  "CR0.WP counts from the next access": (engine) => {
    const source = `
      mov rax, cr0
      xor rax, 0x10000
      mov cr0, rax
      mov qword [rbx], rax
      xor rax, 0x10000
      mov cr0, rax
      again: mov qword [rbx], rax
      hlt`;
    const guest = new LongModeGuest(engine, source, { registers: { rbx: WINDOW } });
    guest.tables.map(WINDOW, OLD_FRAME, present);
    guest.runExpecting({ vector: 14, error: 3, cr2: WINDOW, rip: guest.label("again") });
  },

  "two linear addresses of one frame see each other's writes": (engine) => {
    const source = `
      mov rax, qword [rbx]
      mov rcx, qword [rbx+0x5000]
      mov qword [rbx+0x5000], rbx
      mov rax, qword [rbx]
      hlt`;
    const guest = new LongModeGuest(engine, source, { registers: { rbx: WINDOW } });
    guest.tables.map(WINDOW, OLD_FRAME, present | writable | user);
    guest.tables.map(WINDOW + 0x5000n, OLD_FRAME, present | writable | user);
    guest.runExpecting();
    assert.equal(guest.registers.rax, WINDOW);
  },
});

/** Two sets of tables, in RSI and RDX, that differ in the frame at the window: 1 and 2. Answers RAX, RCX, RDI. */
function switchSpaces(engine: Engine, source: string, options: LongModeOptions): bigint[] {
  const guest = new LongModeGuest(engine, source, options);
  const second = 0x20_0000;
  guest.tables.map(WINDOW, OLD_FRAME, present | writable);
  // A copy of the top two levels with a page of its own below them; the program's part is shared.
  const { memory, tables } = guest;
  const firstPdpt = Number(memory.readU64(tables.root)) & ~0xfff;
  const [pml4, pdpt, directory, pages] = [0, 1, 2, 3].map((n) => second + n * 0x1000) as [
    number,
    number,
    number,
    number,
  ];
  memory.writeU64(pml4, BigInt(pdpt) | present | writable | user);
  memory.writeU64(pdpt, memory.readU64(firstPdpt));
  memory.writeU64(pdpt + 8, BigInt(directory) | present | writable);
  memory.writeU64(directory, BigInt(pages) | present | writable);
  memory.writeU64(pages, NEW_FRAME | present | writable);
  memory.writeU64(Number(OLD_FRAME), 1n);
  memory.writeU64(Number(NEW_FRAME), 2n);
  start(guest, { rbx: WINDOW, rsi: BigInt(tables.root), rdx: BigInt(pml4) });
  guest.runExpecting();
  const { rax, rcx, rdi } = guest.registers;
  assert.equal(Number(memory.readU64(Place.log)), Place.log + 16);
  return [rax, rcx, rdi];
}
