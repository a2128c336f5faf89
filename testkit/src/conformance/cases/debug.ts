// Single step, debug registers, and what holds their traps off. SDM volume 3, chapter 18.

import assert from "node:assert/strict";
import type { Engine } from "@hearth/machine";
import { chapter } from "../conformance-case.ts";
import { Selector } from "../descriptors.ts";
import { Place } from "../guest.ts";
import { Cr4, enterUser, LongModeGuest, type LongModeOptions } from "../long-mode-guest.ts";
import { Pte } from "../page-tables.ts";

const DEBUG = 1;
const TF = 0x100;
/** DR6: single step, debug register access. */
const BS = 0x4000n;
const BD = 0x2000n;
const DR6_RESET = 0xffff_0ff0n;
const DR7_RESET = 0x400n;
const WINDOW = 0x4000_0000n;

/** Sets TF with POPF: the first trap comes behind the instruction after it. */
const STEP = `push ${TF + 2}\n popf`;

/** Runs `code` with handlers that return to where the trap came from; #DB must be reported at these labels. */
function stepsTo(
  labels: readonly string[],
  code: string,
  prepare: (guest: LongModeGuest) => void = () => {},
) {
  return (engine: Engine): void => {
    const guest = new LongModeGuest(engine, `mov r15d, 1\n ${code}\n hlt`);
    prepare(guest);
    guest.runToHalt();
    const hits = guest.traps.filter(({ vector }) => vector === DEBUG).map(({ rip }) => rip);
    assert.deepEqual(
      hits,
      labels.map((name) => guest.label(name)),
    );
  };
}

const steps = chapter("single step", {
  "traps behind every instruction": stepsTo(
    ["b", "c", "d", "e"],
    `${STEP}\n a: nop\n b: inc eax\n c: push 2\n d: popf\n e: nop`,
  ),
  "follows branches": stepsTo(["b", "c", "d"], `${STEP}\n jmp b\n nop\n b: push 2\n c: popf\n d: nop`),
  "sets DR6.BS and saves TF": (engine) => {
    const guest = new LongModeGuest(engine, `${STEP}\n nop\n next: hlt`);
    guest.runExpecting({ vector: DEBUG, rip: guest.label("next"), rflags: 0x102n });
  },
  "DR6 tells": (engine) => {
    const guest = new LongModeGuest(engine, `${STEP}\n nop\n handler: mov rax, dr6\n hlt`);
    guest.setGate(DEBUG, "handler");
    guest.runToHalt();
    assert.equal(guest.registers.rax, DR6_RESET | BS);
  },
  "IRET with TF set traps behind the next instruction": stepsTo(
    ["b", "c", "d"],
    `push ${Selector.data}\n push stack\n push ${TF + 2}\n push ${Selector.code}\n push a\n iretq\n a: nop\n b: push 2\n c: popf\n d: nop`,
  ),
  "MOV SS holds the trap off for one instruction": stepsTo(
    ["c", "d", "e"],
    `mov eax, ss\n ${STEP}\n mov ss, eax\n b: nop\n c: push 2\n d: popf\n e: nop`,
  ),
  "a software interrupt is not stepped into": stepsTo(
    ["c", "d"],
    `${STEP}\n int 0x40\n b: push 2\n c: popf\n d: jmp end\n handler: nop\n nop\n iretq\n end: nop`,
    (guest) => guest.setGate(0x40, "handler"),
  ),
  "every element of a repeated string instruction traps": stepsTo(
    ["a", "a", "b", "c", "d"],
    `mov edi, data\n mov ecx, 3\n ${STEP}\n a: rep stosb\n b: push 2\n c: popf\n d: nop`,
  ),
  "an instruction that faults does not trap, but does when it is repeated": (engine) => {
    const source = `mov r15d, 1\n ${STEP}\n a: mov rax, qword [rbx]\n b: push 2\n c: popf\n d: hlt
      handler: mov qword [rsi], rdi\n add rsp, 8\n iretq`;
    const guest = new LongModeGuest(engine, source);
    guest.setGate(14, "handler");
    const rsi = BigInt(guest.tables.entryOf(WINDOW, 12));
    guest.vcpu.setRegisters({ ...guest.registers, rbx: WINDOW, rsi, rdi: BigInt(Place.frames) | 3n });
    guest.runToHalt();
    assert.deepEqual(
      guest.traps.map(({ rip }) => rip),
      ["b", "c", "d"].map((name) => guest.label(name)),
    );
  },
  "HLT is trapped and does not sleep": stepsTo(
    ["b", "c", "d"],
    `${STEP}\n hlt\n b: push 2\n c: popf\n d: nop`,
  ),
  "SYSCALL with TF masked is not trapped": (engine) => {
    const source = `
      mov ecx, 0xc0000081\n mov eax, 0\n mov edx, ${(Selector.userCode32 << 16) | Selector.code}\n wrmsr
      mov ecx, 0xc0000082\n mov eax, kernel\n mov edx, 0\n wrmsr
      mov ecx, 0xc0000084\n mov eax, ${TF}\n wrmsr
      ${enterUser("start", TF + 2)}
      kernel: nop\n hlt
      org user
      start: syscall`;
    const guest = new LongModeGuest(engine, source);
    guest.runExpecting();
    assert.equal(guest.registers.r11, BigInt(TF + 2));
  },
  "at privilege 3": (engine) => {
    const guest = new LongModeGuest(
      engine,
      `${enterUser("start", TF + 2)}\n org user\n start: nop\n next: nop`,
    );
    guest.runExpecting({ vector: DEBUG, rip: guest.label("next"), cs: Selector.userCode64 });
  },
  "TF cleared again ends it": stepsTo(["b", "c"], `${STEP}\n push 2\n b: popf\n c: nop\n nop\n nop`),
});

const arm = (register: number, address: string, dr7: number): string =>
  `mov rax, ${address}\n mov dr${register}, rax\n mov eax, ${dr7}\n mov dr7, rax`;
/** DR7 for register 0: local enable, kind (0 execute, 1 write, 3 read or write), length code. */
const watch = (kind: number, length: number): number => 1 | (kind << 16) | (length << 18);

/** Handler that ors DR6 into R14, clears it, and resumes with RF set. */
const RESUME_HANDLER = `
  handler: push rax
  mov rax, dr6
  or r14, rax
  inc r13
  mov eax, 0
  mov dr6, rax
  pop rax
  or qword [rsp+16], 0x10000
  iretq`;

interface Hits {
  readonly count: number;
  readonly dr6?: bigint;
}

/** Counts debug exceptions of `code`; DR6 bits seen are in R14. */
function hits({ count, dr6 }: Hits, code: string, prepare: (guest: LongModeGuest) => void = () => {}) {
  return (engine: Engine): void => {
    const guest = new LongModeGuest(engine, `mov rbx, data\n ${code}\n hlt\n ${RESUME_HANDLER}`);
    guest.setGate(DEBUG, "handler");
    prepare(guest);
    guest.runExpecting();
    assert.equal(guest.registers.r13, BigInt(count));
    if (dr6 !== undefined) assert.equal(guest.registers.r14, count === 0 ? 0n : DR6_RESET | dr6);
  };
}

const instructionBreakpoints = chapter("instruction breakpoints", {
  "stop before the instruction": (engine) => {
    const guest = new LongModeGuest(engine, `${arm(0, "here", 1)}\n mov ecx, 1\n here: mov ecx, 2\n hlt`);
    guest.runExpecting({ vector: DEBUG, rip: guest.label("here") });
    assert.equal(guest.registers.rcx, 1n);
  },
  "RF in the returned flags lets it pass once": hits(
    { count: 1, dr6: 1n },
    `${arm(0, "here", 1)}\n here: nop\n nop`,
  ),
  "hit again on the next round": hits(
    { count: 3, dr6: 1n },
    `${arm(0, "here", 1)}\n mov ecx, 3\n here: dec ecx\n jne here`,
  ),
  "DR3 reports bit 3": hits({ count: 1, dr6: 8n }, `${arm(3, "here", 0x40)}\n here: nop`),
  "globally enabled": hits({ count: 1, dr6: 1n }, `${arm(0, "here", 2)}\n here: nop`),
  "not enabled": hits({ count: 0 }, `${arm(0, "here", 0)}\n here: nop`),
  "not in the middle of an instruction": hits({ count: 0 }, `${arm(0, "here+1", 1)}\n here: mov ecx, 2`),
  "armed while the code was already run": hits(
    { count: 1, dr6: 1n },
    `call f\n ${arm(0, "f", 1)}\n call f\n mov eax, 0\n mov dr7, rax\n call f\n hlt\n f: nop\n ret`,
  ),
  "a fault of the instruction saves RF, so that it is not stopped twice": (engine) => {
    const source = `mov rbx, 0x40000000\n ${arm(0, "here", 1)}\n here: mov rax, qword [rbx]\n hlt\n ${RESUME_HANDLER}
      mapper: mov qword [rsi], rdi\n add rsp, 8\n iretq`;
    const guest = new LongModeGuest(engine, source);
    guest.setGate(DEBUG, "handler");
    guest.setGate(14, "mapper");
    const rsi = BigInt(guest.tables.entryOf(WINDOW, 12));
    guest.vcpu.setRegisters({ ...guest.registers, rsi, rdi: BigInt(Place.frames) | Pte.present });
    guest.runExpecting();
    assert.equal(guest.registers.r13, 1n);
  },
  "RF does not outlive the instruction": (engine) => {
    // IRET with RF to a place without a breakpoint; the breakpoint armed later must still hit.
    const source = `push ${Selector.data}\n push stack\n push 0x10002\n push ${Selector.code}\n push a\n iretq
      a: nop\n ${arm(0, "here", 1)}\n here: nop\n hlt\n ${RESUME_HANDLER}`;
    const guest = new LongModeGuest(engine, source);
    guest.setGate(DEBUG, "handler");
    guest.runExpecting();
    assert.equal(guest.registers.r13, 1n);
  },
});

const WRITE_1 = watch(1, 0);
const dataBreakpoints = chapter("data breakpoints", {
  "trap behind the write": (engine) => {
    const guest = new LongModeGuest(engine, `${arm(0, "data", WRITE_1)}\n mov byte [data], 7\n next: hlt`);
    guest.runExpecting({ vector: DEBUG, rip: guest.label("next") });
    assert.equal(guest.memory.readU8(Place.data), 7);
  },
  "a read is no write": hits({ count: 0 }, `${arm(0, "data", WRITE_1)}\n mov al, byte [data]`),
  "reads, when watched too": hits(
    { count: 2, dr6: 1n },
    `${arm(0, "data", watch(3, 0))}\n mov al, byte [rbx]\n nop\n mov byte [rbx], al`,
  ),
  "a wider access that covers it": hits(
    { count: 1, dr6: 1n },
    `${arm(0, "data+5", WRITE_1)}\n mov qword [rbx], rax`,
  ),
  "a neighbour is not watched": hits(
    { count: 0 },
    `${arm(0, "data+4", WRITE_1)}\n mov dword [rbx], eax\n mov byte [rbx+5], al`,
  ),
  "four bytes": hits(
    { count: 2 },
    `${arm(0, "data+4", watch(1, 3))}\n mov byte [rbx+3], al\n mov byte [rbx+4], al\n mov byte [rbx+7], al\n mov byte [rbx+8], al`,
  ),
  "eight bytes": hits(
    { count: 2 },
    `${arm(0, "data+8", watch(1, 2))}\n mov byte [rbx+7], al\n mov byte [rbx+8], al\n mov byte [rbx+15], al\n mov byte [rbx+16], al`,
  ),
  "DR1 and DR2 together": hits(
    { count: 1, dr6: 6n },
    `mov rax, data\n mov dr1, rax\n ${arm(2, "data+2", 4 | 16 | (1 << 20) | (1 << 24))}\n mov dword [rbx], eax`,
  ),
  "a push": hits({ count: 1, dr6: 1n }, `${arm(0, "stack-8", watch(1, 2))}\n push rax\n pop rax`),
  "in a page that was written before": hits(
    { count: 1 },
    `mov qword [rbx], rax\n ${arm(0, "data", WRITE_1)}\n mov byte [rbx], al`,
  ),
  "a repeated store traps behind the element": (engine) => {
    const source = `mov edi, data\n mov ecx, 8\n ${arm(0, "data+2", WRITE_1)}\n here: rep stosb\n hlt`;
    const guest = new LongModeGuest(engine, source);
    guest.runExpecting({ vector: DEBUG, rip: guest.label("here") });
    assert.equal(guest.registers.rcx, 5n);
  },
  "hit again though DR6 was not cleared": (engine) => {
    const source = `${arm(0, "data", WRITE_1)}\n mov byte [data], 1\n nop\n mov byte [data], 2\n hlt\n handler: inc r13\n iretq`;
    const guest = new LongModeGuest(engine, source);
    guest.setGate(DEBUG, "handler");
    guest.runExpecting();
    assert.equal(guest.registers.r13, 2n);
  },
  "a write that faults first traps when it is repeated": (engine) => {
    const source = `mov rbx, 0x40000000\n ${arm(0, "0x40000000", WRITE_1)}\n mov byte [rbx], 5\n hlt\n ${RESUME_HANDLER}
      mapper: mov qword [rsi], rdi\n add rsp, 8\n iretq`;
    const guest = new LongModeGuest(engine, source);
    guest.setGate(DEBUG, "handler");
    guest.setGate(14, "mapper");
    const rsi = BigInt(guest.tables.entryOf(WINDOW, 12));
    guest.vcpu.setRegisters({ ...guest.registers, rsi, rdi: BigInt(Place.frames) | 3n });
    guest.runExpecting();
    assert.deepEqual([guest.registers.r13, guest.registers.r14], [1n, DR6_RESET | 1n]);
  },
});

/** Leaves a value in RCX. */
const value =
  (expected: bigint, code: string, options: LongModeOptions = {}) =>
  (engine: Engine) => {
    const guest = new LongModeGuest(engine, `${code}\n hlt`, options);
    guest.runExpecting();
    assert.equal(guest.registers.rcx, expected);
  };

const registers = chapter("debug registers", {
  "DR6 after reset": value(DR6_RESET, "mov rcx, dr6"),
  "DR7 after reset": value(DR7_RESET, "mov rcx, dr7"),
  "DR6 keeps its fixed bits": value(
    DR6_RESET | 0xe00fn,
    "mov eax, 0xffffffff\n mov dr6, rax\n mov rcx, dr6\n mov edx, 0\n mov dr6, rdx",
  ),
  "DR7 keeps its fixed bits": value(DR7_RESET, "mov eax, 0xd800\n mov dr7, rax\n mov rcx, dr7"),
  "DR0 holds 64 bits": value(
    0x1234_5678_9abc_def0n,
    "mov rax, 0x123456789abcdef0\n mov dr0, rax\n mov rcx, dr0",
  ),
  "DR4 is DR6": value(DR6_RESET, "mov rcx, dr4"),
  "DR5 is DR7": value(DR7_RESET, "mov rcx, dr5"),
  "DR4 is #UD with CR4.DE": (engine) => {
    const guest = new LongModeGuest(engine, "here: mov rcx, dr4\n hlt", { cr4: Cr4.debugExtensions });
    guest.runExpecting({ vector: 6, rip: guest.label("here") });
  },
  "DR7.GD traps the next access, with DR6.BD, and is cleared": (engine) => {
    const source =
      "mov eax, 0x2400\n mov dr7, rax\n here: mov rcx, dr0\n hlt\n handler: mov rcx, dr7\n mov rdx, dr6\n mov rbx, qword [rsp]\n hlt";
    const guest = new LongModeGuest(engine, source);
    guest.setGate(DEBUG, "handler");
    guest.runToHalt();
    const { rbx, rcx, rdx } = guest.registers;
    assert.deepEqual([rbx, rcx, rdx], [guest.label("here"), DR7_RESET, DR6_RESET | BD]);
  },
  "INT1 traps and needs no privilege of its gate": (engine) => {
    const guest = new LongModeGuest(engine, `${enterUser("start")}\n org user\n start: int1\n next: nop`);
    guest.runExpecting({ vector: DEBUG, rip: guest.label("next"), cs: Selector.userCode64 });
  },
});

export const DEBUG_CASES = [...steps, ...instructionBreakpoints, ...dataBreakpoints, ...registers];
