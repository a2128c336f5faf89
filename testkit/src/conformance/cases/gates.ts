// Gates of the IDT, faults during delivery, double and triple faults. SDM volume 3, sections 6.12 to 6.15.

import assert from "node:assert/strict";
import { type Engine, ExitReason } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Attributes, descriptor, type GateOptions, Selector } from "../descriptors.ts";
import { Place } from "../guest.ts";
import { enterUser, LongModeGuest, type LongModeOptions } from "../long-mode-guest.ts";

/** Bits of an error code that names an IDT entry: EXT (not by an INT instruction), IDT. */
const EXTERNAL = 1;
const IN_IDT = 2;
const gateError = (vector: number, external = 0): number => vector * 8 + IN_IDT + external;

/** Runs `code` with one gate changed; the instruction at label `here` is reported. */
function withGate(
  code: string,
  changed: number,
  gate: Partial<GateOptions>,
  expected: { vector: number; error: number },
  options: LongModeOptions = {},
) {
  return (engine: Engine): void => {
    const guest = new LongModeGuest(engine, `${code}\n hlt`, options);
    guest.memory.writeU64(Place.gdt + Selector.spare, descriptor(0, 0xf_ffff, Attributes.code64 & ~0x80));
    guest.setStubOptions(changed, gate);
    guest.runExpecting({ ...expected, rip: guest.label("here") });
  };
}

const INT_IN_USER = `${enterUser("here")}\n org user\n here: int 0x80`;

const gates = chapter("gates", {
  "#NP: INT through a gate that is not present": withGate(
    "here: int 0x80",
    0x80,
    { present: false },
    { vector: 11, error: gateError(0x80) },
  ),
  "#GP: INT through something that is no gate": withGate(
    "here: int 0x80",
    0x80,
    { type: 5 },
    { vector: 13, error: gateError(0x80) },
  ),
  "#GP: INT n at privilege 3 through a gate of privilege 0": withGate(
    INT_IN_USER,
    0x80,
    { privilege: 0 },
    { vector: 13, error: gateError(0x80) },
  ),
  "#GP: the same through a gate that is not present either": withGate(
    INT_IN_USER,
    0x80,
    { privilege: 0, present: false },
    { vector: 13, error: gateError(0x80) },
  ),
  "#GP: INT beyond the limit of the IDT": withGate(
    "here: int 0x80",
    0x81,
    {},
    { vector: 13, error: gateError(0x80) },
    { registers: { idtr: { base: BigInt(Place.idt), limit: 0x80 * 16 - 1 } } },
  ),
  "an exception needs no privilege of its gate": (engine) => {
    const guest = new LongModeGuest(engine, `${enterUser("here")}\n org user\n here: ud2`);
    guest.runExpecting({
      vector: 6,
      rip: guest.label("here"),
      cs: Selector.userCode64,
      ss: Selector.userData,
    });
  },
  "#NP: an exception through a gate that is not present": withGate(
    "here: ud2",
    6,
    { present: false },
    { vector: 11, error: gateError(6, EXTERNAL) },
  ),
  "#GP: a gate with a null code segment": withGate(
    "here: int 0x80",
    0x80,
    { selector: 0 },
    { vector: 13, error: 0 },
  ),
  "#GP: a gate to a data segment": withGate(
    "here: int 0x80",
    0x80,
    { selector: Selector.data },
    { vector: 13, error: Selector.data },
  ),
  "#GP: a gate to 32-bit code": withGate(
    "here: ud2",
    6,
    { selector: Selector.code32 },
    { vector: 13, error: Selector.code32 + EXTERNAL },
  ),
  "#NP: a gate to code that is not present": withGate(
    "here: int 0x80",
    0x80,
    { selector: Selector.spare },
    { vector: 11, error: Selector.spare },
  ),
  "#GP: a gate to code of less privilege": withGate(
    "here: int 0x80",
    0x80,
    { selector: Selector.userCode64 & ~3 },
    { vector: 13, error: Selector.userCode64 & ~3 },
  ),
  "#TS: the task state is too short for the stack pointer": (engine) => {
    const guest = new LongModeGuest(engine, `${enterUser("here")}\n org user\n here: ud2`);
    guest.setStubOptions(10, { ist: 1 });
    const { tr } = guest.registers;
    guest.vcpu.setRegisters({ ...guest.registers, tr: { ...tr, limit: 36 + 7 } });
    guest.setStubOptions(6, { ist: 2 });
    guest.runExpecting({ vector: 10, error: Selector.task + EXTERNAL, rip: guest.label("here") });
  },
});

/** `code` must end in a double fault; its handler has a stack of its own. */
function doubleFaults(code: string, prepare: (guest: LongModeGuest) => void = () => {}) {
  return (engine: Engine): void => {
    const guest = new LongModeGuest(engine, code);
    guest.setStubOptions(8, { ist: 1 });
    prepare(guest);
    guest.runExpecting({
      vector: 8,
      error: 0,
      rip: guest.label("here"),
      frame: BigInt(Place.interruptStack - 40),
    });
  };
}

function shutsDown(code: string, prepare: (guest: LongModeGuest) => void) {
  return (engine: Engine): void => {
    const guest = new LongModeGuest(engine, code);
    prepare(guest);
    assert.equal(guest.run(), ExitReason.Shutdown);
    guest.expectTraps();
  };
}

const MISSING_PAGE = "here: mov rax, qword [0x40000000]";
const absent = (vector: number) => (guest: LongModeGuest) => guest.setStubOptions(vector, { present: false });

const faultsInDelivery = chapter("faults during delivery", {
  "#DF: a general protection fault without its handler": doubleFaults(
    "mov eax, 0x1000\n here: mov ds, eax",
    absent(13),
  ),
  "#DF: a division error without its handler": doubleFaults("mov ecx, 0\n here: div ecx", absent(0)),
  "#DF: a page fault without its handler": doubleFaults(MISSING_PAGE, absent(14)),
  "#DF: a page fault on a stack that is not there": doubleFaults(`mov rsp, 0x50000000\n ${MISSING_PAGE}`),
  "#DF: a page fault whose IDT entry is not there": (engine) => {
    const guest = new LongModeGuest(engine, MISSING_PAGE);
    // Vectors below 14 stay readable: the entry of 14 is the first of its page.
    const base = 0x4000_1000n - 14n * 16n;
    guest.tables.map(0x4000_0000n, 0n, 0n);
    guest.tables.map(0x4000_1000n, 0n, 0n);
    const low = guest.memory.slice(Place.idt, 14 * 16);
    guest.memory.write(Place.frames + 0x1000 - 14 * 16, low.slice());
    guest.tables.map(0x4000_0000n, BigInt(Place.frames), 3n);
    guest.vcpu.setRegisters({ ...guest.registers, idtr: { base, limit: 0xfff } });
    // The window's first page is the IDT's now: fault elsewhere.
    guest.memory.write(Number(guest.label("here")), Uint8Array.of(0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0x50));
    guest.runExpecting({ vector: 8, error: 0, rip: guest.label("here"), cr2: 0x4000_1000n });
  },
  "a benign exception without its handler becomes the second fault": (engine) => {
    const guest = new LongModeGuest(engine, "here: ud2");
    guest.setStubOptions(6, { present: false });
    guest.runExpecting({ vector: 11, error: gateError(6, EXTERNAL), rip: guest.label("here") });
  },
  "a page fault while a benign exception is delivered is a page fault": (engine) => {
    const guest = new LongModeGuest(engine, "mov rsp, 0x50000000\n here: int3");
    guest.setStubOptions(14, { ist: 2 });
    guest.runExpecting({ vector: 14, error: 2, cr2: 0x4fff_fff8n, rip: guest.label("here") });
  },
  "a page fault while a contributory exception is delivered is a page fault": (engine) => {
    const guest = new LongModeGuest(engine, "mov rsp, 0x50000000\n mov ecx, 0\n here: div ecx");
    guest.setStubOptions(14, { ist: 2 });
    guest.runExpecting({ vector: 14, error: 2, cr2: 0x4fff_fff8n, rip: guest.label("here") });
  },
  "shutdown: a double fault without its handler": shutsDown(MISSING_PAGE, (guest) => {
    absent(14)(guest);
    absent(8)(guest);
  }),
  "shutdown: no IDT at all": shutsDown("ud2", (guest) => {
    guest.vcpu.setRegisters({ ...guest.registers, idtr: { base: 0n, limit: 0 } });
  }),
  "shutdown: an interrupt without an IDT": shutsDown("int 0x80", (guest) => {
    guest.vcpu.setRegisters({ ...guest.registers, idtr: { base: 0n, limit: 0 } });
  }),
  "shutdown: a double fault on a stack that is not there": shutsDown(
    `mov rsp, 0x50000000\n ${MISSING_PAGE}`,
    () => {},
  ),
});

export const GATES = [...gates, ...faultsInDelivery];
