// Accesses to guest-physical addresses outside RAM. The bus sees them in pieces of at most four bytes, lowest address first, which
// together are exactly the bytes accessed; how they are cut is the engine's choice.

import assert from "node:assert/strict";
import type { Engine } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { DEVICE_GPA, Place } from "../guest.ts";
import { LongModeGuest } from "../long-mode-guest.ts";
import { Pte } from "../page-tables.ts";
import type { BusAccess } from "../recording-bus.ts";

const { present, writable } = Pte;
const DEVICE = 0x4000_0000n;
/** RAM behind the two device pages. */
const RAM = DEVICE + 0x2000n;

function guestOf(engine: Engine, code: string): LongModeGuest {
  const registers = { rbx: DEVICE, rax: 0x1122_3344_5566_7788n, rbp: RAM };
  const guest = new LongModeGuest(engine, `${code}\n hlt`, { registers });
  guest.tables.map(DEVICE, BigInt(DEVICE_GPA), present | writable);
  guest.tables.map(DEVICE + 0x1000n, BigInt(DEVICE_GPA + 0x5000), present | writable);
  guest.tables.map(RAM, BigInt(Place.frames), present | writable);
  return guest;
}

/** Checks that the accesses of one kind cover `bytes` from `gpa` in order, and answers the bytes. */
function bytesOf(
  accesses: readonly BusAccess[],
  kind: "read" | "write",
  gpa: number,
  bytes: number,
): number[] {
  const values: number[] = [];
  for (const access of accesses) {
    assert.equal(access.kind, kind);
    assert.equal(access.at, gpa + values.length, "pieces follow each other");
    for (let i = 0; i < access.size; i++) values.push((access.value >>> (8 * i)) & 0xff);
  }
  assert.equal(values.length, bytes);
  return values;
}

/** The low bytes of addresses, which is what the fake device answers. */
const pattern = (offset: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => (offset + i) & 0xff);

const littleEndian = (bytes: readonly number[]): bigint =>
  bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);

function reads(code: string, offset: number, bytes: number, expected: (value: bigint) => bigint = (v) => v) {
  return (engine: Engine): void => {
    const guest = guestOf(engine, code);
    guest.runExpecting();
    const seen = bytesOf(guest.bus.accesses, "read", DEVICE_GPA + offset, bytes);
    assert.deepEqual(seen, pattern(offset, bytes));
    assert.equal(guest.registers.rax, expected(littleEndian(seen)));
  };
}

function writes(code: string, offset: number, expected: readonly number[]) {
  return (engine: Engine): void => {
    const guest = guestOf(engine, code);
    guest.runExpecting();
    const seen = bytesOf(guest.bus.accesses, "write", DEVICE_GPA + offset, expected.length);
    assert.deepEqual(seen, expected);
  };
}

const single = chapter("device memory", {
  "a byte read": reads("mov al, byte [rbx+5]", 5, 1, (v) => 0x1122_3344_5566_7700n | v),
  "a word read": reads("mov ax, word [rbx+6]", 6, 2, (v) => 0x1122_3344_5566_0000n | v),
  "a doubleword read": reads("mov eax, dword [rbx+8]", 8, 4),
  "a quadword read": reads("mov rax, qword [rbx+16]", 16, 8),
  "an unaligned read": reads("mov rax, qword [rbx+3]", 3, 8),
  "a byte write": writes("mov byte [rbx+1], al", 1, [0x88]),
  "a word write": writes("mov word [rbx+2], ax", 2, [0x88, 0x77]),
  "a doubleword write": writes("mov dword [rbx+4], eax", 4, [0x88, 0x77, 0x66, 0x55]),
  "a quadword write": writes("mov qword [rbx+8], rax", 8, [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]),
  "an unaligned write": writes("mov dword [rbx+1], eax", 1, [0x88, 0x77, 0x66, 0x55]),
  "an immediate": writes("mov dword [rbx], -2", 0, [0xfe, 0xff, 0xff, 0xff]),
  "aligned accesses of up to four bytes are one": (engine) => {
    const guest = guestOf(
      engine,
      "mov eax, dword [rbx+4]\n mov ax, word [rbx+2]\n mov dword [rbx+8], eax\n mov word [rbx+6], ax",
    );
    guest.runExpecting();
    assert.deepEqual(
      guest.bus.accesses.map(({ kind, at, size }) => [kind, at - DEVICE_GPA, size]),
      [
        ["read", 4, 4],
        ["read", 2, 2],
        ["write", 8, 4],
        ["write", 6, 2],
      ],
    );
  },
  "sixteen bytes each way": (engine) => {
    const guest = guestOf(engine, "movups xmm0, oword [rbx+16]\n movups oword [rbx+32], xmm0");
    guest.runExpecting();
    const { accesses } = guest.bus;
    const half = accesses.length / 2;
    bytesOf(accesses.slice(0, half), "read", DEVICE_GPA + 16, 16);
    assert.deepEqual(bytesOf(accesses.slice(half), "write", DEVICE_GPA + 32, 16), pattern(16, 16));
  },
  "a read-modify-write reads, then writes": (engine) => {
    const guest = guestOf(engine, "inc dword [rbx+4]");
    guest.runExpecting();
    assert.deepEqual(
      guest.bus.accesses.map(({ kind, at, value }) => [kind, at - DEVICE_GPA, value]),
      [
        ["read", 4, 0x0706_0504],
        ["write", 4, 0x0706_0505],
      ],
    );
  },
  "an exchange": (engine) => {
    const guest = guestOf(engine, "xchg dword [rbx], eax");
    guest.runExpecting();
    assert.deepEqual(
      guest.bus.accesses.map(({ kind }) => kind),
      ["read", "write"],
    );
    assert.equal(guest.registers.rax, 0x0302_0100n);
  },
  "what was written is read": (engine) => {
    const guest = guestOf(engine, "mov dword [rbx], eax\n mov ecx, dword [rbx]");
    guest.runExpecting();
    assert.equal(guest.registers.rcx, 0x5566_7788n);
  },
  "a page table's protection comes first": (engine) => {
    const guest = guestOf(engine, "here: mov dword [rbx], eax");
    guest.tables.map(DEVICE, BigInt(DEVICE_GPA), present);
    guest.runExpecting({ vector: 14, error: 3, cr2: DEVICE });
    assert.equal(guest.bus.accesses.length, 0);
  },
});

const crossings = chapter("device memory at page borders", {
  "a read over two device pages": (engine) => {
    const guest = guestOf(engine, "mov rax, qword [rbx+0xffd]");
    guest.runExpecting();
    const { accesses } = guest.bus;
    const first = accesses.filter(({ at }) => at < DEVICE_GPA + 0x1000);
    bytesOf(first, "read", DEVICE_GPA + 0xffd, 3);
    bytesOf(accesses.slice(first.length), "read", DEVICE_GPA + 0x5000, 5);
    assert.equal(guest.registers.rax, littleEndian([0xfd, 0xfe, 0xff, 0, 1, 2, 3, 4]));
  },
  "a write that starts in a device and ends in RAM": (engine) => {
    const guest = guestOf(engine, "mov dword [rbp-1], eax");
    guest.runExpecting();
    assert.deepEqual(bytesOf(guest.bus.accesses, "write", DEVICE_GPA + 0x5fff, 1), [0x88]);
    assert.equal(guest.memory.readU32(Place.frames), 0x0055_6677);
  },
  "a write into a missing page does not reach the device": (engine) => {
    const guest = guestOf(engine, "mov dword [rbp-1], eax");
    guest.tables.map(RAM, 0n, 0n);
    guest.runExpecting({ vector: 14, error: 2, cr2: RAM });
    assert.equal(guest.bus.accesses.length, 0);
  },
  "a read-modify-write into a missing page does not reach the device": (engine) => {
    const guest = guestOf(engine, "add dword [rbp-1], eax");
    guest.tables.map(RAM, 0n, 0n);
    guest.runExpecting({ vector: 14, error: 2, cr2: RAM });
    assert.deepEqual(
      guest.bus.accesses.filter(({ kind }) => kind === "write"),
      [],
    );
  },
});

const strings = chapter("string instructions on device memory", {
  "REP MOVSD from a device reads each element once": (engine) => {
    const guest = guestOf(engine, "mov rsi, rbx\n mov rdi, rbp\n mov ecx, 4\n rep movsd");
    guest.runExpecting();
    assert.deepEqual(
      guest.bus.accesses.map(({ kind, at, size }) => [kind, at - DEVICE_GPA, size]),
      [0, 4, 8, 12].map((offset) => ["read", offset, 4]),
    );
    assert.deepEqual([...guest.memory.slice(Place.frames, 16)], pattern(0, 16));
  },
  "REP MOVSD to a device writes each element once": (engine) => {
    const guest = guestOf(engine, "mov rsi, rbp\n mov rdi, rbx\n mov ecx, 3\n rep movsd");
    guest.memory.writeU32(Place.frames + 8, 0xcafe_f00d);
    guest.runExpecting();
    assert.deepEqual(
      guest.bus.accesses.map(({ kind, at, size, value }) => [kind, at - DEVICE_GPA, size, value]),
      [
        ["write", 0, 4, 0],
        ["write", 4, 4, 0],
        ["write", 8, 4, 0xcafe_f00d],
      ],
    );
  },
  "REP STOSB to a device": (engine) => {
    const guest = guestOf(engine, "mov rdi, rbx\n mov ecx, 5\n rep stosb");
    guest.runExpecting();
    assert.deepEqual(
      guest.bus.accesses.map(({ at, size, value }) => [at - DEVICE_GPA, size, value]),
      [0, 1, 2, 3, 4].map((offset) => [offset, 1, 0x88]),
    );
  },
  "LODSD and SCASB": (engine) => {
    const guest = guestOf(
      engine,
      "mov rsi, rbx\n lodsd\n mov rdi, rbx\n mov ecx, 100\n mov al, 7\n repne scasb",
    );
    guest.runExpecting();
    assert.equal(guest.registers.rcx, 92n);
    assert.equal(guest.bus.accesses.length, 1 + 8);
  },
});

export const DEVICE_MEMORY = [...single, ...crossings, ...strings];
