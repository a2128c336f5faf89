// Accessed and dirty flags of page-table entries. SDM volume 3, section 4.8. A processor may set the accessed flags of tables early,
// but never the dirty flag of a page that was not written, nor the accessed flag of a page whose access was refused.

import assert from "node:assert/strict";
import type { Engine } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Place } from "../guest.ts";
import { enterUser, LongModeGuest } from "../long-mode-guest.ts";
import { type PageShift, Pte } from "../page-tables.ts";

const WINDOW = 0x4000_0000n;
const { present, writable, user, accessed, dirty } = Pte;
const BOTH = accessed | dirty;

/** Runs `code` over a page with `flags` and answers which of the two flags its entry has afterwards. */
function flagsAfter(engine: Engine, code: string, flags = present | writable, shift: PageShift = 12): bigint {
  const guest = new LongModeGuest(engine, `lea r15, [rel next]\n ${code}\n next: hlt`, {
    registers: { rbx: WINDOW },
  });
  guest.memory.slice(Place.frames, 16).fill(0xc3);
  const entry = guest.tables.map(WINDOW, shift === 30 ? 0n : BigInt(Place.frames), flags, shift);
  guest.runToHalt();
  return guest.memory.readU64(entry) & BOTH;
}

const leaves = (code: string, expected: bigint, flags?: bigint, shift?: PageShift) => (engine: Engine) =>
  assert.equal(flagsAfter(engine, code, flags, shift), expected);

export const ACCESSED_AND_DIRTY = chapter("accessed and dirty", {
  "a page never touched has neither": leaves("nop", 0n),
  "a read sets accessed": leaves("mov rax, qword [rbx]", accessed),
  "a write sets both": leaves("mov qword [rbx], rax", BOTH),
  "a write after a read sets dirty": leaves("mov rax, qword [rbx]\n mov byte [rbx+9], al", BOTH),
  "a fetch sets accessed": leaves("call rbx", accessed),
  "a compare-and-exchange that fails still writes": leaves(
    "mov eax, 1\n mov ecx, 2\n lock cmpxchg dword [rbx], ecx",
    BOTH,
  ),
  "REP MOVS with a count of zero touches nothing": leaves(
    "mov rdi, rbx\n mov esi, 0x80000\n mov ecx, 0\n rep movsb",
    0n,
  ),
  "INVLPG touches nothing": leaves("invlpg [rbx]", 0n),
  "a refused write leaves dirty clear": leaves("mov qword [rbx], rax", 0n, present),
  "a refused fetch leaves accessed clear": leaves("call rbx", 0n, present | Pte.noExecute),
  "a read of a 2 MiB page": leaves("mov rax, qword [rbx]", accessed, present | writable, 21),
  "a write to a 2 MiB page": leaves("mov qword [rbx], rax", BOTH, present | writable, 21),
  "a write to a 1 GiB page": leaves("mov qword [rbx+0x400000], rax", BOTH, present | writable, 30),
  "a refused user access leaves both clear": (engine) => {
    const source = `${enterUser("start")}\n org user\n start: mov qword [rbx], rax`;
    const guest = new LongModeGuest(engine, source, { registers: { rbx: WINDOW } });
    const entry = guest.tables.map(WINDOW, BigInt(Place.frames), present | writable);
    guest.runExpecting({ vector: 14, error: 7 });
    assert.equal(guest.memory.readU64(entry) & BOTH, 0n);
  },
  "every table on the way is accessed and none dirty": (engine) => {
    const guest = new LongModeGuest(engine, "mov qword [rbx], rax\n hlt", { registers: { rbx: WINDOW } });
    guest.tables.map(WINDOW, BigInt(Place.frames), present | writable);
    guest.runExpecting();
    for (const shift of [39, 30, 21]) {
      const entry = guest.memory.readU64(guest.tables.entryOf(WINDOW, shift));
      assert.equal(entry & BOTH, accessed, `the entry with shift ${shift}`);
    }
  },
  "cleared flags are set again after INVLPG": (engine) => {
    const source = `
      mov qword [rbx], rax
      and qword [rsi], -0x61
      invlpg [rbx]
      mov rax, qword [rbx]
      hlt`;
    const guest = new LongModeGuest(engine, source, { registers: { rbx: WINDOW } });
    const entry = guest.tables.map(WINDOW, BigInt(Place.frames), present | writable);
    guest.vcpu.setRegisters({ ...guest.registers, rsi: BigInt(entry) });
    guest.runExpecting();
    assert.equal(guest.memory.readU64(entry) & BOTH, accessed);
  },
  "a write through a clean translation sets dirty": (engine) => {
    const source = `
      mov qword [rbx], rax
      and qword [rsi], -0x41
      invlpg [rbx]
      mov rax, qword [rbx]
      mov qword [rbx], rax
      hlt`;
    const guest = new LongModeGuest(engine, source, { registers: { rbx: WINDOW } });
    const entry = guest.tables.map(WINDOW, BigInt(Place.frames), present | writable | user);
    guest.vcpu.setRegisters({ ...guest.registers, rsi: BigInt(entry) });
    guest.runExpecting();
    assert.equal(guest.memory.readU64(entry) & BOTH, BOTH);
  },
});
