// Repeated string instructions stopped in the middle: registers are exact, what was done stays done, and they can be resumed. SDM
// volume 2, REP.

import assert from "node:assert/strict";
import type { Engine, VcpuRegisters } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Place } from "../guest.ts";
import { LongModeGuest } from "../long-mode-guest.ts";
import { Pte } from "../page-tables.ts";

const { present, writable } = Pte;
const PAGE_FAULT = 14;
const SOURCE = 0x4000_0000n;
const TARGET = 0x5000_0000n;
const SOURCE_FRAME = Place.frames;
const TARGET_FRAME = Place.frames + 0x10000;

/** Two pages of source and two of target, of which cases take some away. The source counts up. */
function guestOf(engine: Engine, code: string, registers: Partial<VcpuRegisters>): LongModeGuest {
  const guest = new LongModeGuest(engine, `${code}\n hlt`, { registers });
  for (let page = 0; page < 2; page++) {
    guest.tables.map(SOURCE + BigInt(page * 4096), BigInt(SOURCE_FRAME + page * 4096), present | writable);
    guest.tables.map(TARGET + BigInt(page * 4096), BigInt(TARGET_FRAME + page * 4096), present | writable);
  }
  for (let i = 0; i < 0x2000; i++) guest.memory.writeU8(SOURCE_FRAME + i, i % 251);
  return guest;
}

interface Stop {
  readonly code: string;
  readonly registers: Partial<VcpuRegisters>;
  /** Page taken away. */
  readonly missing: bigint;
  readonly error: number;
  readonly cr2: bigint;
  readonly rcx: bigint;
  readonly rsi?: bigint;
  readonly rdi?: bigint;
}

function stops(stop: Stop) {
  return (engine: Engine): void => {
    const guest = guestOf(engine, `here: ${stop.code}`, stop.registers);
    guest.tables.map(stop.missing, 0n, 0n);
    guest.runExpecting({ vector: PAGE_FAULT, error: stop.error, cr2: stop.cr2, rip: guest.label("here") });
    const { rcx, rsi, rdi } = guest.registers;
    assert.equal(rcx, stop.rcx, "RCX");
    assert.equal(rsi, stop.rsi ?? stop.registers.rsi ?? 0n, "RSI");
    assert.equal(rdi, stop.rdi ?? stop.registers.rdi ?? 0n, "RDI");
  };
}

const SECOND_SOURCE = SOURCE + 0x1000n;
const SECOND_TARGET = TARGET + 0x1000n;

const faults = chapter("string instructions that fault in the middle", {
  "REP MOVSB, the target ends": stops({
    code: "rep movsb",
    registers: { rsi: SOURCE, rdi: SECOND_TARGET - 10n, rcx: 100n },
    missing: SECOND_TARGET,
    error: 2,
    cr2: SECOND_TARGET,
    rcx: 90n,
    rsi: SOURCE + 10n,
    rdi: SECOND_TARGET,
  }),
  "REP MOVSB, the source ends": stops({
    code: "rep movsb",
    registers: { rsi: SECOND_SOURCE - 10n, rdi: TARGET, rcx: 100n },
    missing: SECOND_SOURCE,
    error: 0,
    cr2: SECOND_SOURCE,
    rcx: 90n,
    rsi: SECOND_SOURCE,
    rdi: TARGET + 10n,
  }),
  "REP MOVSQ with an element that crosses into the missing page": stops({
    code: "rep movsq",
    registers: { rsi: SOURCE, rdi: SECOND_TARGET - 20n, rcx: 10n },
    missing: SECOND_TARGET,
    error: 2,
    cr2: SECOND_TARGET,
    rcx: 8n,
    rsi: SOURCE + 16n,
    rdi: SECOND_TARGET - 4n,
  }),
  "REP MOVSB going down": stops({
    code: "rep movsb",
    registers: { rsi: SOURCE + 50n, rdi: SECOND_TARGET + 4n, rcx: 20n, rflags: 0x402n },
    missing: TARGET,
    error: 2,
    cr2: SECOND_TARGET - 1n,
    rcx: 15n,
    rsi: SOURCE + 45n,
    rdi: SECOND_TARGET - 1n,
  }),
  "REP STOSD": stops({
    code: "rep stosd",
    registers: { rdi: SECOND_TARGET - 40n, rcx: 0x1000n },
    missing: SECOND_TARGET,
    error: 2,
    cr2: SECOND_TARGET,
    rcx: 0x1000n - 10n,
    rdi: SECOND_TARGET,
  }),
  "REP LODSB": stops({
    code: "rep lodsb",
    registers: { rsi: SECOND_SOURCE - 5n, rcx: 9n },
    missing: SECOND_SOURCE,
    error: 0,
    cr2: SECOND_SOURCE,
    rcx: 4n,
    rsi: SECOND_SOURCE,
  }),
  "REPNE SCASB": stops({
    code: "repne scasb",
    registers: { rdi: SECOND_TARGET - 5n, rcx: 9n, rax: 1n },
    missing: SECOND_TARGET,
    error: 0,
    cr2: SECOND_TARGET,
    rcx: 4n,
    rdi: SECOND_TARGET,
  }),
  "REPE CMPSB": stops({
    code: "repe cmpsb",
    registers: { rsi: SOURCE, rdi: SECOND_SOURCE - 3n, rcx: 9n },
    missing: SOURCE,
    error: 0,
    cr2: SOURCE,
    rcx: 9n,
  }),
  "REP INSB asks the device no more often than it can store": (engine) => {
    const guest = guestOf(engine, "here: rep insb", { rdi: SECOND_TARGET - 3n, rcx: 5n, rdx: 0x80n });
    guest.tables.map(SECOND_TARGET, 0n, 0n);
    guest.runExpecting({ vector: PAGE_FAULT, error: 2, cr2: SECOND_TARGET, rip: guest.label("here") });
    assert.deepEqual([guest.registers.rcx, guest.registers.rdi], [2n, SECOND_TARGET]);
    assert.equal(guest.bus.accesses.length, 3);
  },
  "REP OUTSB": (engine) => {
    const guest = guestOf(engine, "here: rep outsb", { rsi: SECOND_SOURCE - 3n, rcx: 5n, rdx: 0x80n });
    guest.tables.map(SECOND_SOURCE, 0n, 0n);
    guest.runExpecting({ vector: PAGE_FAULT, error: 0, cr2: SECOND_SOURCE, rip: guest.label("here") });
    assert.deepEqual([guest.registers.rcx, guest.registers.rsi], [2n, SECOND_SOURCE]);
    assert.deepEqual(guest.bus.written(0x80), [4093 % 251, 4094 % 251, 4095 % 251]);
  },
  "resumed after the page was mapped, all is moved once": (engine) => {
    const guest = guestOf(engine, "rep movsb\n hlt\n handler: mov qword [r8], r9\n add rsp, 8\n iretq", {
      rsi: SOURCE + 3n,
      rdi: TARGET + 0xff0n,
      rcx: 0x800n,
    });
    const entry = guest.tables.entryOf(SECOND_TARGET, 12);
    const r9 = guest.memory.readU64(entry);
    guest.memory.writeU64(entry, 0n);
    guest.vcpu.setRegisters({ ...guest.registers, r8: BigInt(entry), r9 });
    guest.setGate(PAGE_FAULT, "handler");
    guest.runExpecting();
    const moved = guest.memory.slice(TARGET_FRAME + 0xff0, 0x800);
    assert.deepEqual(moved, guest.memory.slice(SOURCE_FRAME + 3, 0x800));
    assert.equal(guest.registers.rcx, 0n);
  },
});

const interrupts = chapter("string instructions that are interrupted", {
  "REP INSB between two elements": (engine) => {
    const guest = guestOf(engine, "mov r15d, 0\n here: rep insb", {
      rdi: TARGET,
      rcx: 100n,
      rdx: 0x80n,
      rflags: 0x202n,
    });
    const { bus } = guest;
    const read = bus.readPort.bind(bus);
    bus.readPort = (port, size) => {
      if (bus.accesses.length === 9) bus.interrupt(0x41);
      return read(port, size);
    };
    guest.runExpecting({ vector: 0x41, rip: guest.label("here") });
    assert.deepEqual([guest.registers.rcx, guest.registers.rdi], [90n, TARGET + 10n]);
    assert.equal(bus.accesses.length, 10);
  },
  "and resumed, nothing is lost or doubled": (engine) => {
    const guest = guestOf(engine, "mov r15d, 1\n rep insb\n cli", {
      rdi: TARGET,
      rcx: 100n,
      rdx: 0x80n,
      rflags: 0x202n,
    });
    const { bus } = guest;
    bus.readPort = () => {
      bus.accesses.push({ kind: "in", at: 0x80, size: 1, value: bus.accesses.length });
      if (bus.accesses.length % 20 === 0) bus.interrupt(0x41);
      return bus.accesses.length;
    };
    guest.runToHalt();
    assert.ok(guest.traps.length >= 4);
    assert.deepEqual(
      [...guest.memory.slice(TARGET_FRAME, 100)],
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    assert.equal(guest.memory.readU8(TARGET_FRAME + 100), 0);
  },
  "a long REP MOVSB leaves its slice in time and goes on": (engine) => {
    const bytes = 8 * 1024 * 1024;
    const guest = new LongModeGuest(engine, "rep movsb\n hlt", {
      registers: { rsi: 0x4000_0000n, rdi: 0x4000_0001n, rcx: BigInt(bytes) },
    });
    // One GiB from address 0: moves RAM over itself by one byte, from 4 MiB up.
    guest.tables.map(0x4000_0000n, 0n, present | writable, 30);
    guest.vcpu.setRegisters({ ...guest.registers, rsi: 0x4040_0000n, rdi: 0x4040_0001n });
    guest.memory.writeU8(Place.frames, 0x5a);
    guest.vcpu.run(1);
    const after = guest.registers;
    assert.equal(after.rsi + after.rcx, 0x4040_0000n + BigInt(bytes));
    assert.ok(after.rcx > 0n, "one block's budget does not move it all");
    guest.runExpecting();
    assert.equal(guest.memory.readU8(Place.frames + bytes), 0x5a);
  },
});

/** Register values after `code`. */
function leaves(code: string, registers: Partial<VcpuRegisters>, expected: Partial<VcpuRegisters>) {
  return (engine: Engine): void => {
    const guest = guestOf(engine, code, registers);
    guest.runExpecting();
    const after = guest.registers;
    const picked = Object.fromEntries(Object.keys(expected).map((name) => [name, after[name as "rax"]]));
    assert.deepEqual(picked, expected);
  };
}

const counts = chapter("string instructions' registers", {
  "a count of zero does nothing": leaves(
    "rep movsb",
    { rsi: 1n << 62n, rdi: 1n << 62n },
    { rsi: 1n << 62n, rdi: 1n << 62n, rcx: 0n },
  ),
  "REPE CMPSB stops behind the difference": (engine) => {
    const guest = guestOf(engine, "repe cmpsb", { rsi: SOURCE, rdi: SOURCE + 251n, rcx: 5000n });
    guest.memory.writeU8(SOURCE_FRAME + 4200, 0xff);
    guest.runExpecting();
    // The changed byte is met first on the target's side.
    const compared = 4200n - 251n + 1n;
    assert.deepEqual([guest.registers.rcx, guest.registers.rsi], [5000n - compared, SOURCE + compared]);
  },
  "REPNE SCASB stops behind the match": leaves(
    "repne scasb",
    { rdi: SOURCE, rcx: 1000n, rax: 200n },
    { rdi: SOURCE + 201n, rcx: 799n },
  ),
  "32-bit addresses count in ECX and clear the upper halves": leaves(
    "db 0x67\n rep stosb",
    { rdi: 0xffff_ffff_0000_0000n | TARGET, rcx: 0xffff_ffff_0000_0004n },
    { rdi: TARGET + 4n, rcx: 0n },
  ),
  "overlapping by one byte, the first byte spreads": (engine) => {
    const guest = guestOf(engine, "rep movsb", { rsi: SOURCE + 5n, rdi: SOURCE + 6n, rcx: 3000n });
    guest.runExpecting();
    assert.ok(guest.memory.slice(SOURCE_FRAME + 5, 3000).every((byte) => byte === 5));
  },
  "overlapping downwards, nothing spreads": (engine) => {
    const guest = guestOf(engine, "rep movsq", { rsi: SOURCE + 8n, rdi: SOURCE, rcx: 500n });
    const before = guest.memory.slice(SOURCE_FRAME + 8, 4000).slice();
    guest.runExpecting();
    assert.deepEqual(guest.memory.slice(SOURCE_FRAME, 4000), before);
  },
});

export const STRINGS = [...faults, ...interrupts, ...counts];
