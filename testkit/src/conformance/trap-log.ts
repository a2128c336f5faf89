// What conformance guests do on exceptions and interrupts: write down what was pushed, then go on where the guest wants.
//
// R15 (EDI in 32-bit guests) says how: 0 halts, 1 returns to the saved address, any other value is where to go on. Handlers leave
// all registers alone.

import type { GuestMemory } from "@hearth/machine";

/** One delivery, as the handler found it. */
export interface Trap {
  readonly vector: number;
  /** 0 for vectors without one. */
  readonly error: number;
  readonly rip: bigint;
  readonly cs: number;
  readonly rflags: bigint;
  /** Saved stack pointer and segment; 0 where none was pushed (32-bit guests without a change of privilege). */
  readonly rsp: bigint;
  readonly ss: number;
  readonly cr2: bigint;
  /** Where the frame is: the address of the saved RIP. */
  readonly frame: bigint;
}

const ENTRY_BYTES = 80;
const MAX_TRAPS = 40;
export const STUB_BYTES = 16;
const VECTORS_WITH_ERROR = [8, 10, 11, 12, 13, 14, 17, 21];

/** Log header: address of the next free entry. */
const entriesAt = (log: number): number => log + 16;

export function clearTrapLog(memory: GuestMemory, log: number): void {
  memory.writeU64(log, BigInt(entriesAt(log)));
}

export function readTrapLog(memory: GuestMemory, log: number): Trap[] {
  const end = Number(memory.readU64(log));
  const traps: Trap[] = [];
  for (let at = entriesAt(log); at < end; at += ENTRY_BYTES) {
    const field = (n: number): bigint => memory.readU64(at + n * 8);
    traps.push({
      vector: Number(field(0)),
      error: Number(field(1)),
      rip: field(2),
      cs: Number(field(3)),
      rflags: field(4),
      rsp: field(5),
      ss: Number(field(6)),
      cr2: field(7),
      frame: field(8),
    });
  }
  return traps;
}

/** 256 stubs of STUB_BYTES each, then the handler they share, for 64-bit code. */
export function trapHandlers64(log: number): string {
  return `
    ${stubs()}
    common:
      push rax
      push rbx
      mov rbx, qword [${log}]
      ; above the two: vector, error, RIP, CS, RFLAGS, RSP, SS
      ${[0, 1, 2, 3, 4, 5, 6].map((n) => `mov rax, qword [rsp+${16 + n * 8}]\n mov qword [rbx+${n * 8}], rax`).join("\n")}
      mov rax, cr2
      mov qword [rbx+56], rax
      lea rax, [rsp+32]
      mov qword [rbx+64], rax
      add rbx, ${ENTRY_BYTES}
      mov qword [${log}], rbx
      cmp rbx, ${entriesAt(log) + MAX_TRAPS * ENTRY_BYTES}
      jae stop
      cmp r15, 1
      jb stop
      je back
      mov qword [rsp+32], r15
    back:
      pop rbx
      pop rax
      add rsp, 16
      iretq
    stop:
      pop rbx
      pop rax
    halted:
      hlt
      jmp halted`;
}

/** The same for 32-bit code. A stack pointer was pushed only when the privilege changed. */
export function trapHandlers32(log: number): string {
  return `
    ${stubs()}
    common:
      push eax
      push ebx
      mov ebx, dword [${log}]
      ${[0, 1, 2, 3, 4].map((n) => `mov eax, dword [esp+${8 + n * 4}]\n mov dword [ebx+${n * 8}], eax`).join("\n")}
      test dword [esp+20], 3
      je same
      ${[5, 6].map((n) => `mov eax, dword [esp+${8 + n * 4}]\n mov dword [ebx+${n * 8}], eax`).join("\n")}
    same:
      mov eax, cr2
      mov dword [ebx+56], eax
      lea eax, [esp+16]
      mov dword [ebx+64], eax
      add ebx, ${ENTRY_BYTES}
      mov dword [${log}], ebx
      cmp ebx, ${entriesAt(log) + MAX_TRAPS * ENTRY_BYTES}
      jae stop
      cmp edi, 1
      jb stop
      je back
      mov dword [esp+16], edi
    back:
      pop ebx
      pop eax
      add esp, 8
      iret
    stop:
      pop ebx
      pop eax
    halted:
      hlt
      jmp halted`;
}

function stubs(): string {
  return Array.from({ length: 256 }, (_, vector) => {
    const error = VECTORS_WITH_ERROR.includes(vector) ? "" : "push 0\n";
    return `align ${STUB_BYTES}\n ${error} push ${vector}\n jmp common`;
  }).join("\n");
}
