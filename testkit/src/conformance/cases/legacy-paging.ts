// Paging in 32-bit protected mode: two levels of 32-bit entries with 4 MiB pages, and PAE. SDM volume 3, sections 4.3 and 4.4.

import assert from "node:assert/strict";
import type { Engine } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Place } from "../guest.ts";
import { Cr0, Cr4, Efer } from "../long-mode-guest.ts";
import { enterUser32, ProtectedModeGuest } from "../protected-mode-guest.ts";

const PAGE_FAULT = 14;
const WINDOW = 0x4000_0000n;
const READ = "mov eax, dword [0x40000000]";
const WRITE = "mov dword [0x40000000], eax";
const CALL = "mov edx, 0x40000000\n call edx";
const ALL = 7n;
const PRESENT = 1n;
const PATTERN = 0x5566_7788;

interface Space {
  readonly cr0?: bigint;
  readonly cr4?: bigint;
  readonly efer?: bigint;
  /** The first 2 or 4 MiB are one page for everybody; answers where the window's entries are. */
  readonly build: (guest: ProtectedModeGuest) => Entries;
}

interface Entries {
  readonly directory: number;
  readonly page: number;
  readonly bytes: 4 | 8;
}

/** Directory, table and the identity page. */
const classic: Space = {
  cr4: Cr4.pageSizeExtensions | Cr4.pageGlobal,
  build: ({ memory }) => {
    const [directory, table] = [Place.tables, Place.tables + 0x1000];
    memory.writeU32(directory, 0x87);
    memory.writeU32(directory + 0x100 * 4, table | 7);
    return { directory: directory + 0x100 * 4, page: table, bytes: 4 };
  },
};

const physicalExtension: Space = {
  cr4: Cr4.physicalAddressExtension | Cr4.pageGlobal,
  efer: Efer.noExecute,
  build: ({ memory }) => {
    const [pointers, low, directory, table] = [0, 1, 2, 3].map((n) => Place.tables + n * 0x1000) as [
      number,
      number,
      number,
      number,
    ];
    memory.writeU64(pointers, BigInt(low) | PRESENT);
    memory.writeU64(pointers + 8, BigInt(directory) | PRESENT);
    memory.writeU64(low, 0x87n);
    memory.writeU64(directory, BigInt(table) | ALL);
    return { directory, page: table, bytes: 8 };
  },
};

interface Access {
  readonly code: string;
  readonly user?: boolean;
  readonly page?: bigint;
  readonly directory?: bigint;
  /** Bits of CR0, CR4 changed against the space's. */
  readonly withoutCr0?: bigint;
  readonly cr4?: bigint;
  readonly withoutEfer?: boolean;
}

function guestOf(
  engine: Engine,
  space: Space,
  access: Access,
): { guest: ProtectedModeGuest; entries: Entries } {
  const tail = `access: ${access.code}\n`;
  const source = access.user ? `${enterUser32("start")}\n org user\n start: ${tail} int 0x80` : `${tail} hlt`;
  const guest = new ProtectedModeGuest(engine, source);
  guest.setStubOptions(0x80, { privilege: 3 });
  const entries = space.build(guest);
  const put = (at: number, value: bigint): void =>
    entries.bytes === 4 ? guest.memory.writeU32(at, Number(value)) : guest.memory.writeU64(at, value);
  if (access.page !== undefined) put(entries.page, access.page);
  if (access.directory !== undefined) put(entries.directory, access.directory);
  guest.memory.writeU32(Place.frames, PATTERN);
  guest.vcpu.setRegisters({
    ...guest.registers,
    cr0: (guest.registers.cr0 | Cr0.paging | Cr0.writeProtect) & ~(access.withoutCr0 ?? 0n),
    cr3: BigInt(Place.tables),
    cr4: (space.cr4 ?? 0n) | (access.cr4 ?? 0n),
    efer: access.withoutEfer ? 0n : (space.efer ?? 0n),
  });
  return { guest, entries };
}

const faults = (space: Space, access: Access, error: number) => (engine: Engine) => {
  const { guest } = guestOf(engine, space, access);
  const rip = access.code === CALL ? WINDOW : guest.label("access");
  guest.runExpecting({ vector: PAGE_FAULT, error, cr2: WINDOW, rip });
};

const passes = (space: Space, access: Access) => (engine: Engine) => {
  const { guest } = guestOf(engine, space, access);
  if (access.user) guest.runExpecting({ vector: 0x80 });
  else guest.runExpecting();
};

/** The read must see the frame's pattern. */
const sees = (space: Space, access: Access) => (engine: Engine) => {
  const { guest } = guestOf(engine, space, access);
  guest.runExpecting();
  assert.equal(guest.registers.rax, BigInt(PATTERN));
};

/** Flags of the page's entry after an access. */
const flagsAfter = (space: Space, access: Access, expected: bigint) => (engine: Engine) => {
  const { guest, entries } = guestOf(engine, space, access);
  guest.runExpecting();
  assert.equal(BigInt(guest.memory.readU32(entries.page)) & 0x60n, expected);
  assert.equal(BigInt(guest.memory.readU32(entries.directory)) & 0x60n, 0x20n, "the directory is accessed");
};

const FRAME = BigInt(Place.frames);

function sharedCases(space: Space): Readonly<Record<string, (engine: Engine) => void>> {
  return {
    "a page": sees(space, { code: READ, page: FRAME | PRESENT }),
    "not present, read": faults(space, { code: READ }, 0),
    "not present, write": faults(space, { code: WRITE }, 2),
    "not present, user read": faults(space, { code: READ, user: true }, 4),
    "no directory": faults(space, { code: READ, page: FRAME | ALL, directory: 0n }, 0),
    "a write to a read-only page": faults(space, { code: WRITE, page: FRAME | PRESENT }, 3),
    "the same without CR0.WP": passes(space, {
      code: WRITE,
      page: FRAME | PRESENT,
      withoutCr0: Cr0.writeProtect,
    }),
    "a user's write to a read-only page": faults(space, { code: WRITE, page: FRAME | 5n, user: true }, 7),
    "a user's read of a supervisor page": faults(space, { code: READ, page: FRAME | 3n, user: true }, 5),
    "a user's access": passes(space, { code: `${WRITE}\n${READ}`, page: FRAME | ALL, user: true }),
    "a read sets accessed": flagsAfter(space, { code: READ, page: FRAME | ALL }, 0x20n),
    "a write sets dirty": flagsAfter(space, { code: WRITE, page: FRAME | ALL }, 0x60n),
    SMAP: faults(space, { code: READ, page: FRAME | ALL, cr4: Cr4.smap }, 1),
    "SMAP after STAC": passes(space, { code: `stac\n${READ}`, page: FRAME | 7n, cr4: Cr4.smap }),
    "a write that crosses into a missing page": (engine) => {
      const code = "mov dword [0x40000ffe], eax";
      const { guest } = guestOf(engine, space, { code, page: FRAME | ALL });
      guest.runExpecting({ vector: PAGE_FAULT, error: 2, cr2: WINDOW + 0x1000n });
      assert.equal(guest.memory.readU16(Place.frames + 0xffe), 0);
    },
    "INVLPG shows a changed entry": (engine) => {
      const code =
        "mov eax, dword [0x40000000]\n mov dword [esi], edi\n invlpg [0x40000000]\n mov eax, dword [0x40000000]";
      const { guest, entries } = guestOf(engine, space, { code, page: FRAME | ALL });
      const registers = { rsi: BigInt(entries.page), rdi: FRAME | 0x1000n | ALL };
      guest.memory.writeU32(Place.frames + 0x1000, 99);
      guest.vcpu.setRegisters({ ...guest.registers, ...registers });
      guest.runExpecting();
      assert.equal(guest.registers.rax, 99n);
    },
  };
}

// The identity page is a user page: without SMAP cases its code could not run with SMEP.
const twoLevel = chapter("32-bit paging", {
  ...sharedCases({ ...classic, build: supervisorLow(classic) }),
  ...userCases(classic),
  "a 4 MiB page": sees(classic, { code: READ, directory: FRAME | 0x81n }),
  "a write to a read-only 4 MiB page": faults(classic, { code: WRITE, directory: FRAME | 0x81n }, 3),
  "without CR4.PSE bit 7 is ignored": (engine) => {
    const { guest } = guestOf(engine, classic, { code: READ, page: FRAME | PRESENT });
    const table = Place.tables + 0x1000;
    guest.memory.writeU32(Place.tables + 0x100 * 4, table | 0x87);
    // The identity map needs a table then, too.
    const identity = Place.tables + 0x2000;
    for (let page = 0; page < 1024; page++) guest.memory.writeU32(identity + page * 4, (page << 12) | 7);
    guest.memory.writeU32(Place.tables, identity | 7);
    guest.vcpu.setRegisters({ ...guest.registers, cr4: 0n });
    guest.runExpecting();
    assert.equal(guest.registers.rax, BigInt(PATTERN));
  },
  "bit 21 of a 4 MiB page is reserved": faults(classic, { code: READ, directory: FRAME | 0x20_0081n }, 9),
  "there is no execute protection, and no fetch bit": faults(classic, { code: CALL }, 0),
  "SMEP brings the fetch bit": faults(
    { ...classic, build: supervisorLow(classic) },
    { code: CALL, page: FRAME | ALL, cr4: Cr4.smep },
    0x11,
  ),
});

/** Makes the identity page one of the supervisor, as SMEP and SMAP need it. */
function supervisorLow(space: Space): Space["build"] {
  return (guest) => {
    const entries = space.build(guest);
    const low = entries.bytes === 4 ? Place.tables : Place.tables + 0x1000;
    guest.memory.writeU32(low, 0x83);
    return entries;
  };
}

/** Those that run code of the user need the identity page to be the user's. */
function userCases(space: Space): Readonly<Record<string, (engine: Engine) => void>> {
  return Object.fromEntries(Object.entries(sharedCases(space)).filter(([name]) => name.includes("user")));
}

const RESERVED_52 = 1n << 52n;
const NO_EXECUTE = 1n << 63n;

const extended = chapter("PAE paging", {
  ...sharedCases({ ...physicalExtension, build: supervisorLow(physicalExtension) }),
  ...userCases(physicalExtension),
  "a 2 MiB page": sees(physicalExtension, { code: READ, directory: FRAME | 0x81n }),
  "bit 13 of a 2 MiB page is reserved": faults(
    physicalExtension,
    { code: READ, directory: FRAME | 0x2081n },
    9,
  ),
  "a fetch from a no-execute page": faults(
    physicalExtension,
    { code: CALL, page: FRAME | ALL | NO_EXECUTE },
    0x11,
  ),
  "without EFER.NXE that bit is reserved": faults(
    physicalExtension,
    { code: READ, page: FRAME | ALL | NO_EXECUTE, withoutEfer: true },
    9,
  ),
  "bit 52 is reserved": faults(physicalExtension, { code: READ, page: FRAME | ALL | RESERVED_52 }, 9),
  "a write to a page with it": faults(
    physicalExtension,
    { code: WRITE, page: FRAME | ALL | RESERVED_52 },
    0xb,
  ),
  "a missing directory pointer": (engine) => {
    const { guest } = guestOf(engine, physicalExtension, { code: READ, page: FRAME | ALL });
    guest.memory.writeU64(Place.tables + 8, 0n);
    guest.vcpu.setRegisters(guest.registers);
    guest.runExpecting({ vector: PAGE_FAULT, error: 0, cr2: WINDOW });
  },
});

export const LEGACY_PAGING = [...twoLevel, ...extended];
