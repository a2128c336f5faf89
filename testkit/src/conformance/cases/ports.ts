// Port instructions and the I/O permission bitmap. SDM volume 1, chapter 19.

import assert from "node:assert/strict";
import type { Engine } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { TASK_BITMAP_OFFSET } from "../descriptors.ts";
import { Place } from "../guest.ts";
import { enterUser, LongModeGuest } from "../long-mode-guest.ts";

const REPORT = "int 0x80";

const accesses = chapter("ports", {
  "OUT of every size, with either way to name the port": (engine) => {
    const source = `
      mov eax, 0xdeadbeef
      out 0x10, al
      out 0x20, ax
      out 0x30, eax
      mov edx, 0x12ff8
      out dx, al
      out dx, ax
      out dx, eax
      hlt`;
    const guest = new LongModeGuest(engine, source);
    guest.runExpecting();
    assert.deepEqual(
      guest.bus.accesses.map(({ kind, at, size, value }) => [kind, at, size, value]),
      [
        ["out", 0x10, 1, 0xef],
        ["out", 0x20, 2, 0xbeef],
        ["out", 0x30, 4, 0xdeadbeef],
        ["out", 0x2ff8, 1, 0xef],
        ["out", 0x2ff8, 2, 0xbeef],
        ["out", 0x2ff8, 4, 0xdeadbeef],
      ],
    );
  },
  "IN writes as much of RAX as its size says": (engine) => {
    const source = `
      mov rax, 0x1111111111111111
      in al, 0x10
      mov rbx, rax
      in ax, 0x10
      mov rcx, rax
      mov edx, 0x10
      in eax, dx
      hlt`;
    const guest = new LongModeGuest(engine, source);
    [0xaa, 0xbb, 0xcc, 0xdd].forEach((byte, i) => guest.bus.deviceBytes.set(0x10 + i, byte));
    guest.runExpecting();
    const { rax, rbx, rcx } = guest.registers;
    assert.deepEqual([rbx, rcx, rax], [0x1111_1111_1111_11aan, 0x1111_1111_1111_bbaan, 0xddcc_bbaan]);
  },
  "REP OUTSD and REP INSD": (engine) => {
    const source = `
      mov edx, 0x40
      mov esi, data
      mov ecx, 3
      rep outsd
      mov edi, data+0x100
      mov ecx, 2
      rep insd
      hlt`;
    const guest = new LongModeGuest(engine, source);
    for (let i = 0; i < 3; i++) guest.memory.writeU32(Place.data + i * 4, 0x8000_0000 + i);
    guest.runExpecting();
    assert.deepEqual(guest.bus.written(0x40), [0x8000_0000, 0x8000_0001, 0x8000_0002]);
    assert.equal(guest.memory.readU64(Place.data + 0x100), 0x4342_4140_4342_4140n);
    assert.equal(guest.memory.readU64(Place.data + 0x108), 0n);
  },
});

interface Permission {
  readonly code: string;
  readonly prepare?: (guest: LongModeGuest) => void;
  readonly rflags?: number;
}

function guestOf(engine: Engine, { code, prepare, rflags }: Permission): LongModeGuest {
  const guest = new LongModeGuest(
    engine,
    `${enterUser("here", rflags)}\n org user\n here: ${code}\n ${REPORT}`,
  );
  guest.setStubOptions(0x80, { privilege: 3 });
  prepare?.(guest);
  return guest;
}

const allows = (permission: Permission) => (engine: Engine) => {
  const guest = guestOf(engine, permission);
  guest.runExpecting({ vector: 0x80 });
  assert.equal(guest.bus.accesses.length, 1);
};

const refuses = (permission: Permission) => (engine: Engine) => {
  const guest = guestOf(engine, permission);
  guest.runExpecting({ vector: 13, error: 0, rip: guest.label("here") });
  assert.equal(guest.bus.accesses.length, 0);
};

/** Clears the bits of these ports. */
const open =
  (...ports: readonly number[]) =>
  (guest: LongModeGuest) => {
    for (const port of ports) {
      const at = Place.task + TASK_BITMAP_OFFSET + (port >> 3);
      guest.memory.writeU8(at, guest.memory.readU8(at) & ~(1 << (port & 7)));
    }
  };

function setTaskLimit(guest: LongModeGuest, limit: number): void {
  const { tr } = guest.registers;
  guest.vcpu.setRegisters({ ...guest.registers, tr: { ...tr, limit } });
}

const permissions = chapter("I/O permission bitmap", {
  "a port whose bit is set is refused": refuses({ code: "out 0x45, al" }),
  "a port whose bit is clear is allowed": allows({ code: "out 0x45, al", prepare: open(0x45) }),
  "a neighbour is not": refuses({ code: "out 0x44, al", prepare: open(0x45) }),
  "IN is checked like OUT": allows({ code: "in al, 0x45", prepare: open(0x45) }),
  "a word needs both bits": allows({ code: "in ax, 0x46", prepare: open(0x46, 0x47) }),
  "a word with one bit is refused": refuses({ code: "in ax, 0x46", prepare: open(0x46) }),
  "four bits over two bytes": allows({ code: "in eax, 0x46", prepare: open(0x46, 0x47, 0x48, 0x49) }),
  "four bits over two bytes, the last one set": refuses({
    code: "in eax, 0x46",
    prepare: open(0x46, 0x47, 0x48),
  }),
  "INSB is checked": refuses({ code: "insb" }),
  "ports beyond the bitmap are refused": refuses({
    code: "out dx, al",
    prepare: (guest) => setPort(guest, 0x200),
  }),
  "a bitmap beyond the limit refuses all": refuses({
    code: "out 0x45, al",
    prepare: (guest) => {
      open(0x45)(guest);
      guest.memory.writeU16(Place.task + 102, 0x200);
    },
  }),
  "the byte behind the checked one must be inside the limit": refuses({
    code: "out 0x45, al",
    prepare: (guest) => {
      open(0x45)(guest);
      setTaskLimit(guest, TASK_BITMAP_OFFSET + 8);
    },
  }),
  "IOPL 3 allows all": allows({ code: "out 0x45, al", rflags: 0x3002 }),
  "IOPL 2 does not": refuses({ code: "out 0x45, al", rflags: 0x2002 }),
});

function setPort(guest: LongModeGuest, port: number): void {
  guest.vcpu.setRegisters({ ...guest.registers, rdx: BigInt(port) });
}

export const PORTS = [...accesses, ...permissions];
