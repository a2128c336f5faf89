// Accesses that cross from one page into the next: a fault in the second leaves everything as it was, and the two pages need not be
// neighbours in RAM.

import assert from "node:assert/strict";
import type { Engine } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Place } from "../guest.ts";
import { LongModeGuest } from "../long-mode-guest.ts";
import { Pte } from "../page-tables.ts";

const WINDOW = 0x4000_0000n;
const SECOND = WINDOW + 0x1000n;
const { present, writable } = Pte;
const FILL = 0xa5;

/** Two pages at WINDOW, the first in the higher frame; `second` are the second one's flags. */
function crossing(engine: Engine, code: string, second: bigint): LongModeGuest {
  const guest = new LongModeGuest(engine, `access: ${code}\n hlt`, {
    registers: { rbx: SECOND, rax: 0x1111_2222_3333_4444n, rcx: 1n },
  });
  guest.tables.map(WINDOW, BigInt(Place.frames + 0x1000), present | writable);
  guest.tables.map(SECOND, BigInt(Place.frames), second);
  guest.memory.slice(Place.frames, 0x2000).fill(FILL);
  return guest;
}

/** The second page refuses the write: #PF there, and no byte of either page changed. */
function refuses(code: string, second: bigint = present) {
  return (engine: Engine): void => {
    const guest = crossing(engine, code, second);
    const error = second === 0n ? 2 : 3;
    const before = guest.registers;
    guest.runExpecting({ vector: 14, error, cr2: SECOND, rip: guest.label("access"), rsp: before.rsp });
    assert.ok(guest.memory.slice(Place.frames, 0x2000).every((byte) => byte === FILL));
    assert.equal(guest.registers.rax, before.rax);
  };
}

export const PAGE_CROSSING = chapter("page crossing", {
  "a write into a read-only page writes nothing": refuses("mov qword [rbx-3], rax"),
  "a write into a missing page writes nothing": refuses("mov dword [rbx-1], eax", 0n),
  "a word": refuses("mov word [rbx-1], ax"),
  "a 16-byte store": refuses("movups oword [rbx-9], xmm0"),
  "a read-modify-write": refuses("add qword [rbx-4], rax"),
  "a locked exchange": refuses("xchg qword [rbx-4], rax"),
  "a compare-and-exchange": refuses("lock cmpxchg qword [rbx-4], rcx"),
  "one element of a string store": (engine) => {
    const guest = crossing(engine, "lea rdi, [rbx-4]\n store: stosq", present);
    guest.runExpecting({ vector: 14, error: 3, cr2: SECOND, rip: guest.label("store") });
    assert.ok(guest.memory.slice(Place.frames, 0x2000).every((byte) => byte === FILL));
    assert.equal(guest.registers.rdi, SECOND - 4n);
  },
  "a push whose stack slot crosses": (engine) => {
    const guest = crossing(engine, "lea rsp, [rbx+4]\n push1: push rax", present);
    guest.setStubOptions(14, { ist: 1 });
    guest.runExpecting({ vector: 14, error: 3, cr2: SECOND, rip: guest.label("push1"), rsp: SECOND + 4n });
    assert.ok(guest.memory.slice(Place.frames, 0x2000).every((byte) => byte === FILL));
  },
  "a read from a missing page": (engine) => {
    const guest = crossing(engine, "mov rax, qword [rbx-7]", 0n);
    guest.runExpecting({ vector: 14, error: 0, cr2: SECOND });
    assert.equal(guest.registers.rax, 0x1111_2222_3333_4444n);
  },
  "both pages missing: the first is reported, at the access's address": (engine) => {
    const guest = crossing(engine, "mov qword [rbx-3], rax", 0n);
    guest.tables.map(WINDOW, 0n, 0n);
    guest.runExpecting({ vector: 14, error: 2, cr2: SECOND - 3n });
  },
  "reads join two frames that are not neighbours": (engine) => {
    const guest = crossing(engine, "mov rax, qword [rbx-3]", present);
    guest.memory.write(Place.frames + 0x1ffd, Uint8Array.of(1, 2, 3));
    guest.memory.write(Place.frames, Uint8Array.of(4, 5, 6, 7, 8));
    guest.runExpecting();
    assert.equal(guest.registers.rax, 0x0807_0605_0403_0201n);
  },
  "writes are split over them": (engine) => {
    const guest = crossing(engine, "mov qword [rbx-3], rax", present | writable);
    guest.runExpecting();
    assert.deepEqual([...guest.memory.slice(Place.frames + 0x1ffc, 4)], [FILL, 0x44, 0x44, 0x33]);
    assert.deepEqual([...guest.memory.slice(Place.frames, 6)], [0x33, 0x22, 0x22, 0x11, 0x11, FILL]);
  },
  "read-modify-writes are split over them": (engine) => {
    const guest = crossing(engine, "inc dword [rbx-1]", present | writable);
    guest.memory.write(Place.frames + 0x1fff, Uint8Array.of(0xff));
    guest.memory.write(Place.frames, Uint8Array.of(0xff, 0, 0));
    guest.runExpecting();
    assert.equal(guest.memory.readU8(Place.frames + 0x1fff), 0);
    assert.deepEqual([...guest.memory.slice(Place.frames, 4)], [0, 1, 0, FILL]);
  },
});
