// Code that changes while it runs, whoever changes it and through whatever mapping; instructions that cross pages. SDM volume 3,
// section 8.1.3: a processor sees its own writes to code, here already at the next instruction.

import assert from "node:assert/strict";
import type { Engine } from "@hearth/machine";
import { assemble } from "../../asm/assemble.ts";
import { chapter } from "../conformance-case.ts";
import { Place } from "../guest.ts";
import { LongModeGuest } from "../long-mode-guest.ts";
import { Pte } from "../page-tables.ts";

const { present, writable, noExecute } = Pte;
const WINDOW = 0x4000_0000n;
const NEXT_PAGE = WINDOW + 0x1000n;
/** MOV EAX, imm8 (zero-extended by its upper bytes) and RET: six bytes. */
const returns = (value: number): Uint8Array => Uint8Array.of(0xb8, value, 0, 0, 0, 0xc3);

/** The program must leave `value` in EAX. */
function ends(value: number, code: string) {
  return (engine: Engine): void => {
    const guest = new LongModeGuest(engine, `${code}\n hlt`);
    guest.runExpecting();
    assert.equal(guest.registers.rax, BigInt(value));
  };
}

/** The program calls the function at label `f`, changes it to return 2, and calls it again: 1 + 2 × 10. */
function changes(change: string) {
  return ends(
    21,
    `call f
     mov r8, rax
     ${change}
     call f
     lea rax, [rax+rax*4]
     add rax, rax
     add rax, r8
     hlt
     align 4096
     f: mov eax, 1
     ret`,
  );
}

const self = chapter("self-modifying code", {
  "the next instruction": ends(5, "mov byte [rel next+1], 5\n next: mov eax, 1"),
  "an instruction later in the block": ends(6, "mov byte [rel later+1], 6\n nop\n nop\n later: mov eax, 1"),
  "a wider store": ends(5, "mov edx, 0x5b8\n mov word [rel next], dx\n next: mov eax, 1"),
  "an instruction behind a jump": ends(7, "mov byte [rel far+1], 7\n jmp far\n nop\n far: mov eax, 1"),
  "code that ran before, in a loop": ends(
    30,
    "mov ecx, 3\n mov ebx, 0\n again: mov eax, 10\n add ebx, 10\n mov byte [rel again+1], 20\n dec ecx\n jne again\n mov eax, ebx",
  ),
  "a loop that counts in its own immediate": ends(
    50,
    "again: mov eax, 0\n inc byte [rel again+1]\n cmp eax, 50\n jne again",
  ),
  "a branch turned round": ends(
    2,
    "mov eax, 1\n test eax, eax\n mov byte [rel branch+1], 0x85\n branch: je skip\n jmp done\n skip: mov eax, 2\n done: nop",
  ),
  "a called function, by a byte": changes("mov byte [rel f+1], 2"),
  "by a 16-byte store": changes(
    "movups xmm0, oword [rel new]\n movups oword [rel f], xmm0\n jmp go\n new: db 0xb8,2,0,0,0,0xc3,0,0,0,0,0,0,0,0,0,0\n go: nop",
  ),
  "by REP MOVS": changes(
    "lea rsi, [rel new]\n lea rdi, [rel f]\n mov ecx, 6\n rep movsb\n jmp go\n new: db 0xb8,2,0,0,0,0xc3\n go: nop",
  ),
  "by REP STOS": changes("mov eax, 2\n lea rdi, [rel f+1]\n mov ecx, 1\n rep stosd"),
  "by a locked compare-and-exchange": changes("mov eax, 1\n mov edx, 2\n lock cmpxchg dword [rel f+1], edx"),
  "by PUSH": changes(
    "mov rdx, 0xc300000002b8\n lea rcx, [rel f+8]\n mov rsi, rsp\n mov rsp, rcx\n push rdx\n mov rsp, rsi",
  ),
  "by a store that starts in the page before": changes("mov rdx, 0x2b890\n mov dword [rel f-1], edx"),
  "data beside code in the same page": ends(
    9,
    "mov ecx, 9\n mov eax, 0\n again: inc dword [rel counter]\n dec ecx\n jne again\n mov eax, dword [rel counter]\n hlt\n align 64\n counter: dd 0",
  ),
});

/** A guest with a function of six bytes in its own frame, mapped at WINDOW (and wherever the case wants). */
function withFunction(engine: Engine, source: string): LongModeGuest {
  const guest = new LongModeGuest(engine, `mov rbx, 0x40000000\n ${source}\n hlt`);
  guest.tables.map(WINDOW, BigInt(Place.frames), present | writable);
  guest.memory.write(Place.frames, returns(1));
  return guest;
}

/** Code at WINDOW that replaces its own page: what follows the invalidation comes from the new frame. */
function replacesRunningPage(engine: Engine, flush: string): void {
  const program = (value: number): Uint8Array =>
    assemble(`mov qword [rsi], rdi\n ${flush}\n mov eax, ${value}\n ret`, { origin: WINDOW, bits: 64 }).bytes;
  const guest = withFunction(engine, "mov ecx, 0\n call rbx");
  guest.memory.write(Place.frames, program(1));
  guest.memory.write(Place.frames + 0x1000, program(2));
  guest.memory.writeU64(Place.frames + 0x1808, WINDOW);
  const rsi = BigInt(guest.tables.entryOf(WINDOW, 12));
  guest.vcpu.setRegisters({ ...guest.registers, rsi, rdi: BigInt(Place.frames + 0x1000) | present });
  guest.memory.writeU64(Place.frames + 0x808, WINDOW);
  guest.runExpecting();
  assert.equal(guest.registers.rax, 2n);
}

const others = chapter("code changed from elsewhere", {
  "through another linear address": (engine) => {
    const guest = withFunction(engine, "call rbx\n mov ecx, eax\n mov byte [rbx+0x1001], 2\n call rbx");
    guest.tables.map(NEXT_PAGE, BigInt(Place.frames), present | writable | noExecute);
    guest.runExpecting();
    assert.deepEqual([guest.registers.rcx, guest.registers.rax], [1n, 2n]);
  },
  "through another linear address that was written before": (engine) => {
    const source = "mov byte [rbx+0x1100], 0\n call rbx\n mov ecx, eax\n mov byte [rbx+0x1001], 2\n call rbx";
    const guest = withFunction(engine, source);
    guest.tables.map(NEXT_PAGE, BigInt(Place.frames), present | writable);
    guest.runExpecting();
    assert.deepEqual([guest.registers.rcx, guest.registers.rax], [1n, 2n]);
  },
  "by a device": (engine) => {
    const guest = withFunction(engine, "call rbx\n mov ecx, eax\n out 0x80, al\n call rbx");
    guest.bus.onPortWrite = () => {
      guest.memory.write(Place.frames, returns(2));
      guest.memory.noteDeviceWrite(guest.memory.offsetOf(Place.frames, 6), 6);
    };
    guest.runExpecting();
    assert.deepEqual([guest.registers.rcx, guest.registers.rax], [1n, 2n]);
  },
  "by a device, the running block itself": (engine) => {
    const guest = new LongModeGuest(engine, "mov eax, 0\n out 0x80, al\n patched: mov eax, 1\n hlt");
    guest.bus.onPortWrite = () => {
      const at = Number(guest.label("patched")) + 1;
      guest.memory.writeU8(at, 2);
      guest.memory.noteDeviceWrite(guest.memory.offsetOf(at, 1), 1);
    };
    guest.runExpecting();
    assert.equal(guest.registers.rax, 2n);
  },
  "by a device while the guest sleeps": (engine) => {
    const guest = withFunction(
      engine,
      "call rbx\n mov ecx, eax\n sti\n hlt\n call rbx\n cli\n hlt\n handler: iretq",
    );
    guest.setGate(0x40, "handler");
    guest.runToHalt();
    guest.memory.write(Place.frames, returns(2));
    guest.memory.noteDeviceWrite(guest.memory.offsetOf(Place.frames, 4096), 4096);
    guest.bus.interrupt(0x40);
    guest.runExpecting();
    assert.deepEqual([guest.registers.rcx, guest.registers.rax], [1n, 2n]);
  },
  "by mapping another frame": (engine) => {
    const source = "call rbx\n mov ecx, eax\n mov qword [rsi], rdi\n invlpg [rbx]\n call rbx";
    const guest = withFunction(engine, source);
    guest.memory.write(Place.frames + 0x1000, returns(2));
    const entry = guest.tables.entryOf(WINDOW, 12);
    const replacement = BigInt(Place.frames + 0x1000) | present;
    guest.vcpu.setRegisters({ ...guest.registers, rsi: BigInt(entry), rdi: replacement });
    guest.runExpecting();
    assert.deepEqual([guest.registers.rcx, guest.registers.rax], [1n, 2n]);
  },
  ...Object.fromEntries(
    ["invlpg [rbx]", "invpcid rcx, oword [rbx+0x800]"].map((flush) => [
      `by mapping another frame under the running code, with ${flush.split(" ")[0]?.toUpperCase()}`,
      (engine: Engine) => replacesRunningPage(engine, flush),
    ]),
  ),
  "one frame run at two addresses": (engine) => {
    const guest = withFunction(
      engine,
      "call rbx\n mov rdx, rax\n lea rcx, [rbx+0x1000]\n call rcx\n sub rax, rdx",
    );
    guest.tables.map(NEXT_PAGE, BigInt(Place.frames), present);
    // LEA RAX, [RIP] and RET: what it returns depends on where it runs.
    guest.memory.write(Place.frames, Uint8Array.of(0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xc3));
    guest.runExpecting();
    assert.equal(guest.registers.rax, 0x1000n);
  },
});

/** MOV EAX, imm32 with two bytes in WINDOW's page and three in the next, then RET. RBX is its address. */
function crossing(engine: Engine, source: string): LongModeGuest {
  const guest = new LongModeGuest(engine, `mov rbx, 0x40000ffe\n ${source}\n hlt`);
  guest.tables.map(WINDOW, BigInt(Place.frames + 0x1000), present);
  guest.tables.map(NEXT_PAGE, BigInt(Place.frames), present | writable);
  guest.memory.write(Place.frames + 0x1ffe, Uint8Array.of(0xb8, 0x01));
  guest.memory.write(Place.frames, Uint8Array.of(0, 0, 0, 0xc3));
  return guest;
}

const pages = chapter("instructions that cross pages", {
  "run from two frames that are not neighbours": (engine) => {
    const guest = crossing(engine, "call rbx");
    guest.runExpecting();
    assert.equal(guest.registers.rax, 1n);
  },
  "see a change of the bytes in the second page": (engine) => {
    const guest = crossing(engine, "call rbx\n mov byte [rbx+2], 2\n call rbx");
    guest.runExpecting();
    assert.equal(guest.registers.rax, 0x201n);
  },
  "see another frame behind the second page": (engine) => {
    const guest = crossing(
      engine,
      "call rbx\n mov ecx, eax\n mov qword [rsi], rdi\n invlpg [rbx+2]\n call rbx",
    );
    guest.memory.write(Place.frames + 0x2000, Uint8Array.of(3, 0, 0, 0xc3));
    const registers = {
      rsi: BigInt(guest.tables.entryOf(NEXT_PAGE, 12)),
      rdi: BigInt(Place.frames + 0x2000) | present,
    };
    guest.vcpu.setRegisters({ ...guest.registers, ...registers });
    guest.runExpecting();
    assert.deepEqual([guest.registers.rcx, guest.registers.rax], [1n, 0x301n]);
  },
  "see another frame behind the first page": (engine) => {
    const guest = crossing(
      engine,
      "call rbx\n mov ecx, eax\n mov qword [rsi], rdi\n invlpg [rbx]\n call rbx",
    );
    guest.memory.write(Place.frames + 0x2ffe, Uint8Array.of(0xb8, 9));
    const registers = {
      rsi: BigInt(guest.tables.entryOf(WINDOW, 12)),
      rdi: BigInt(Place.frames + 0x2000) | present,
    };
    guest.vcpu.setRegisters({ ...guest.registers, ...registers });
    guest.runExpecting();
    assert.deepEqual([guest.registers.rcx, guest.registers.rax], [1n, 9n]);
  },
  "fault at the second page's address when it is missing": (engine) => {
    const guest = crossing(engine, "call rbx");
    guest.tables.map(NEXT_PAGE, 0n, 0n);
    guest.runExpecting({ vector: 14, error: 16, cr2: NEXT_PAGE, rip: WINDOW + 0xffen });
  },
  "the same after they ran": (engine) => {
    const guest = crossing(engine, "call rbx\n mov qword [rsi], 0\n invlpg [rbx+2]\n call rbx");
    guest.vcpu.setRegisters({ ...guest.registers, rsi: BigInt(guest.tables.entryOf(NEXT_PAGE, 12)) });
    guest.runExpecting({ vector: 14, error: 16, cr2: NEXT_PAGE, rip: WINDOW + 0xffen });
  },
  "fault when the second page is not for execution": (engine) => {
    const guest = crossing(engine, "call rbx");
    guest.tables.map(NEXT_PAGE, BigInt(Place.frames), present | noExecute);
    guest.runExpecting({ vector: 14, error: 17, cr2: NEXT_PAGE, rip: WINDOW + 0xffen });
  },
  "go on once the second page was mapped": (engine) => {
    const guest = crossing(engine, "call rbx\n hlt\n handler: mov qword [rsi], rdi\n add rsp, 8\n iretq");
    const replacement = guest.memory.readU64(guest.tables.entryOf(NEXT_PAGE, 12));
    guest.vcpu.setRegisters({
      ...guest.registers,
      rsi: BigInt(guest.tables.map(NEXT_PAGE, 0n, 0n)),
      rdi: replacement,
    });
    guest.setGate(14, "handler");
    guest.runExpecting();
    assert.equal(guest.registers.rax, 1n);
  },
  "an instruction that ends with the page needs no second one": (engine) => {
    const guest = new LongModeGuest(engine, "mov rbx, 0x40000ffa\n call rbx\n hlt");
    guest.tables.map(WINDOW, BigInt(Place.frames), present);
    guest.memory.write(Place.frames + 0xffa, returns(4));
    guest.runExpecting();
    assert.equal(guest.registers.rax, 4n);
  },
  "execution runs from one page into the next": (engine) => {
    const guest = crossing(engine, "dec rbx\n call rbx");
    guest.memory.write(Place.frames + 0x1ffd, Uint8Array.of(0x90, 0x90, 0x90));
    guest.memory.write(Place.frames, returns(6));
    guest.runExpecting();
    assert.equal(guest.registers.rax, 6n);
  },
});

export const SELF_MODIFYING = [...self, ...others, ...pages];
