// Four-level paging: which accesses fault, and the error codes and addresses they report. SDM volume 3, sections 4.5 to 4.7.

import assert from "node:assert/strict";
import type { Engine } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Place } from "../guest.ts";
import { Cr0, Cr4, Efer, enterUser, LongModeGuest, type LongModeOptions } from "../long-mode-guest.ts";
import { type PageShift, Pte } from "../page-tables.ts";

/** Bits of a page fault's error code. */
const Error = { present: 1, write: 2, user: 4, reserved: 8, fetch: 16 } as const;
const PAGE_FAULT = 14;
/** Linear address the cases map. */
const WINDOW = 0x4000_0000n;

const READ = "mov rax, qword [0x40000000]";
const WRITE = "mov qword [0x40000000], rax";
const CALL = "mov rdx, 0x40000000\n call rdx";

interface Access {
  readonly code: string;
  readonly user?: boolean;
  readonly options?: LongModeOptions;
  /** Entry of the page; undefined leaves it not present. */
  readonly flags?: bigint;
  readonly shift?: PageShift;
}

/** A guest that makes one access at label `access` and halts; the frame holds RET, in case it is called. */
function guestWith(engine: Engine, access: Access): LongModeGuest {
  const tail = `access: ${access.code}`;
  const source = access.user
    ? `${enterUser("start")}\n org user\n start: ${tail}\n int 0x80`
    : `${tail}\n hlt`;
  const guest = new LongModeGuest(engine, source, access.options);
  guest.setStubOptions(0x80, { privilege: 3 });
  guest.memory.slice(Place.frames, 64).fill(0xc3);
  const pa = access.shift === 30 ? 0n : BigInt(Place.frames);
  if (access.flags !== undefined) guest.tables.map(WINDOW, pa, access.flags, access.shift);
  return guest;
}

function faults(access: Access, error: number): (engine: Engine) => void {
  return (engine) => {
    const guest = guestWith(engine, access);
    // A fetch fault is reported at the address that was to be fetched.
    const rip = access.code === CALL ? WINDOW : guest.label("access");
    guest.runExpecting({ vector: PAGE_FAULT, error, cr2: WINDOW, rip });
  };
}

function passes(access: Access): (engine: Engine) => void {
  return (engine) => {
    const guest = guestWith(engine, access);
    if (access.user) guest.runExpecting({ vector: 0x80 });
    else guest.runExpecting();
  };
}

const { present, writable, user, noExecute } = Pte;
const all = present | writable | user;
const smep: LongModeOptions = { cr4: Cr4.smep };
const smap: LongModeOptions = { cr4: Cr4.smap };
const noWriteProtect: LongModeOptions = { withoutCr0: Cr0.writeProtect };
const noNx: LongModeOptions = { withoutEfer: Efer.noExecute };

const missing = chapter("page not present", {
  "a read": faults({ code: READ }, 0),
  "a write": faults({ code: WRITE }, Error.write),
  "a read-modify-write counts as a write": faults({ code: "add dword [0x40000000], eax" }, Error.write),
  "a fetch": faults({ code: CALL }, Error.fetch),
  "a fetch without NX and SMEP has no fetch bit": faults({ code: CALL, options: noNx }, 0),
  "a user read": faults({ code: READ, user: true }, Error.user),
  "a user write": faults({ code: WRITE, user: true }, Error.user | Error.write),
  "a user fetch": faults({ code: CALL, user: true }, Error.user | Error.fetch),
});

const protection = chapter("page protection", {
  "supervisor reads and writes its page": passes({ code: `${WRITE}\n${READ}`, flags: present | writable }),
  "supervisor write to a read-only page": faults(
    { code: WRITE, flags: present },
    Error.present | Error.write,
  ),
  "without CR0.WP the supervisor writes read-only pages": passes({
    code: WRITE,
    flags: present | user,
    options: noWriteProtect,
  }),
  "user write to a read-only page, CR0.WP or not": faults(
    { code: WRITE, flags: present | user, user: true, options: noWriteProtect },
    Error.present | Error.write | Error.user,
  ),
  "user read of a supervisor page": faults(
    { code: READ, flags: present | writable, user: true },
    Error.present | Error.user,
  ),
  "user fetch from a supervisor page": faults(
    { code: CALL, flags: present | writable, user: true },
    Error.present | Error.user | Error.fetch,
  ),
  "user reads, writes and runs a user page": passes({
    code: `${READ}\n${WRITE}\n${CALL}`,
    flags: all,
    user: true,
  }),
  "fetch from a no-execute page": faults({ code: CALL, flags: all | noExecute }, Error.present | Error.fetch),
  "user fetch from a no-execute page": faults(
    { code: CALL, flags: all | noExecute, user: true },
    Error.present | Error.user | Error.fetch,
  ),
  "no-execute pages hold data": passes({ code: `${WRITE}\n${READ}`, flags: all | noExecute }),
  "supervisor runs a user page without SMEP": passes({ code: CALL, flags: all }),
  "SMEP: supervisor fetch from a user page": faults(
    { code: CALL, flags: all, options: smep },
    Error.present | Error.fetch,
  ),
  "SMEP leaves the user alone": passes({ code: CALL, flags: all, user: true, options: smep }),
});

const accessPrevention = chapter("SMAP", {
  "supervisor read of a user page": faults({ code: READ, flags: all, options: smap }, Error.present),
  "supervisor write to a user page": faults(
    { code: WRITE, flags: all, options: smap },
    Error.present | Error.write,
  ),
  "STAC allows it": passes({ code: `stac\n${READ}\n${WRITE}`, flags: all, options: smap }),
  "CLAC forbids it again": (engine) => {
    const guest = new LongModeGuest(engine, `stac\n${READ}\n clac\n again: ${READ}\n hlt`, smap);
    guest.tables.map(WINDOW, BigInt(Place.frames), all);
    guest.runExpecting({ vector: PAGE_FAULT, error: Error.present, cr2: WINDOW, rip: guest.label("again") });
  },
  "POPF sets AC like STAC": passes({
    code: `push 0x40002\n popf\n ${READ}`,
    flags: all,
    options: smap,
  }),
  "an interrupt gate leaves AC set, IRET restores it": (engine) => {
    const source = `stac\n int 0x40\n ${READ}\n hlt\n handler: ${READ}\n clac\n iretq`;
    const guest = new LongModeGuest(engine, source, smap);
    guest.setGate(0x40, "handler");
    guest.tables.map(WINDOW, BigInt(Place.frames), all);
    guest.runExpecting();
  },
  "supervisor pages need no STAC": passes({ code: READ, flags: present | writable, options: smap }),
  "the user is not concerned": passes({ code: READ, flags: all, user: true, options: smap }),
  "STAC is privileged": (engine) => {
    const guest = guestWith(engine, { code: "stac", user: true, options: smap });
    guest.runExpecting({ vector: 6, rip: guest.label("access") });
  },
});

/** Clears bits of (or sets NX in) a table entry above the page. */
function restricted(shift: number, access: Access, error: number, change: (entry: bigint) => bigint) {
  return (engine: Engine): void => {
    const guest = guestWith(engine, { ...access, flags: all });
    const entry = guest.tables.entryOf(WINDOW, shift);
    // The window shares its PML4 entry with the program, so that one is changed only for the window's half.
    guest.memory.writeU64(entry, change(guest.memory.readU64(entry)));
    const rip = access.code === CALL ? WINDOW : guest.label("access");
    guest.runExpecting({ vector: PAGE_FAULT, error, cr2: WINDOW, rip });
  };
}

const levels = chapter("permissions of the tables above", {
  "a directory that is not writable": restricted(
    21,
    { code: WRITE },
    Error.present | Error.write,
    (e) => e & ~writable,
  ),
  "a directory-pointer entry that is not for users": restricted(
    30,
    { code: READ, user: true },
    Error.present | Error.user,
    (e) => e & ~user,
  ),
  "no-execute in a directory entry": restricted(
    21,
    { code: CALL },
    Error.present | Error.fetch,
    (e) => e | noExecute,
  ),
  "a directory that is not present": restricted(21, { code: READ }, 0, (e) => e & ~present),
});

function reserved(bits: bigint, error: number, access: Access): (engine: Engine) => void {
  return faults({ ...access, flags: (access.flags ?? all) | bits }, error | Error.present | Error.reserved);
}

const reservedBits = chapter("reserved bits", {
  "bit 46 of a 4 KiB page": reserved(1n << 46n, 0, { code: READ }),
  "a write to it": reserved(1n << 51n, Error.write, { code: WRITE }),
  "a user read of it": reserved(1n << 46n, Error.user, { code: READ, user: true }),
  "a fetch from it": reserved(1n << 46n, Error.fetch, { code: CALL }),
  "bit 63 without EFER.NXE": reserved(noExecute, 0, { code: READ, options: noNx }),
  "bit 13 of a 2 MiB page": reserved(1n << 13n, 0, { code: READ, shift: 21 }),
  "bit 20 of a 2 MiB page": reserved(1n << 20n, 0, { code: READ, shift: 21 }),
  "bit 29 of a 1 GiB page": reserved(1n << 29n, 0, { code: READ, shift: 30 }),
  "software bits are no harm": passes({ code: READ, flags: all | (0x7ffn << 52n) | 0xe00n }),
  "entries that are not present have none": faults({ code: READ, flags: 1n << 50n }, 0),
  "the page-size bit of a PML4 entry": (engine) => {
    const guest = new LongModeGuest(engine, "access: mov rax, qword [rbx]\n hlt", {
      registers: { rbx: 0x7f00_0000_0000n },
    });
    guest.tables.map(0x7f00_0000_0000n, BigInt(Place.frames), all);
    const entry = guest.tables.entryOf(0x7f00_0000_0000n, 39);
    guest.memory.writeU64(entry, guest.memory.readU64(entry) | Pte.large);
    guest.runExpecting({ vector: PAGE_FAULT, error: Error.present | Error.reserved, cr2: 0x7f00_0000_0000n });
  },
});

const PATTERN = 0x1122_3344_5566_7788n;

/** Reads at an offset in a page of some size and looks whether the right frame answered. */
function reaches(shift: PageShift, va: bigint, pa: bigint, offset: bigint) {
  return (engine: Engine): void => {
    const guest = new LongModeGuest(engine, "mov rax, qword [rbx]\n hlt", {
      registers: { rbx: va + offset },
    });
    guest.tables.map(va, pa, all, shift);
    guest.memory.writeU64(Number(pa + offset), PATTERN);
    guest.runExpecting();
    assert.equal(guest.registers.rax, PATTERN);
  };
}

const sizes = chapter("page sizes", {
  "4 KiB": reaches(12, WINDOW, 0x40_3000n, 0xff8n),
  "2 MiB": reaches(21, WINDOW, 0x40_0000n, 0x12_3450n),
  "1 GiB": reaches(30, WINDOW, 0n, 0xab_cde8n),
  "the highest half": reaches(12, 0xffff_ffff_ffff_f000n, 0x40_0000n, 0xff8n),
  "the last canonical address of the lower half": reaches(12, 0x7fff_ffff_f000n, 0x40_0000n, 0xff8n),
});

export const PAGE_FAULTS = [
  ...missing,
  ...protection,
  ...accessPrevention,
  ...levels,
  ...reservedBits,
  ...sizes,
];
