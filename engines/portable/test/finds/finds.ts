// What the comparison with the host's CPU found, with what the CPU did: bytes, state before, state after.

import { ORACLE_CODE, ORACLE_WINDOW } from "../oracle.ts";

type RegisterName = "rax" | "rcx" | "rdx" | "rbx" | "rsp" | "rbp" | "rsi" | "rdi";

export interface Find {
  readonly name: string;
  readonly code: string;
  /** Code segment; 64 if not given. */
  readonly bits?: 32;
  readonly registers?: Partial<Record<RegisterName, bigint>>;
  readonly flags?: bigint;
  /** 64-bit words from ORACLE_WINDOW on. */
  readonly memory?: readonly bigint[];
  /** x87 status, with an exception unmasked and pending. */
  readonly x87Pending?: boolean;
  readonly after: {
    /** 3 when the code runs to its end. */
    readonly vector: number;
    /** RIP from the start of the code; behind the INT3 if that ended it. */
    readonly at?: number;
    readonly error?: number;
    readonly cr2?: bigint;
    readonly registers?: Partial<Record<RegisterName, bigint>>;
    readonly memory?: readonly bigint[];
  };
}

const HOLE = 0x8000_0000_0000n;
const UNMAPPED = 0x5000n;
const STACK = ORACLE_WINDOW + 8n;
const FLAG_TF = 0x100n;
const [GENERAL_PROTECTION, STACK_FAULT, PAGE_FAULT, INVALID_OPCODE, BREAKPOINT] = [13, 12, 14, 6, 3];

export const FINDS: readonly Find[] = [
  {
    name: "INTO without overflow goes on to the next instruction",
    code: "ce",
    bits: 32,
    after: { vector: BREAKPOINT, at: 2 },
  },
  {
    name: "JMP to a non-canonical address faults where it stands",
    code: "ffe0",
    registers: { rax: HOLE },
    after: { vector: GENERAL_PROTECTION, at: 0, error: 0 },
  },
  {
    name: "CALL to a non-canonical address pushes nothing",
    code: "ffd0",
    registers: { rax: HOLE, rsp: STACK },
    memory: [7n],
    after: { vector: GENERAL_PROTECTION, at: 0, registers: { rsp: STACK }, memory: [7n] },
  },
  {
    name: "RET to a non-canonical address pops nothing",
    code: "c3",
    registers: { rsp: STACK },
    memory: [0n, HOLE],
    after: { vector: GENERAL_PROTECTION, at: 0, registers: { rsp: STACK } },
  },
  {
    name: "IRET to a non-canonical address pops nothing",
    code: "48cf",
    registers: { rsp: STACK },
    memory: [0n, HOLE, 0x33n, 0x202n, STACK, 0x2bn],
    after: { vector: GENERAL_PROTECTION, at: 0, error: 0, registers: { rsp: STACK } },
  },
  {
    name: "a non-canonical address by RSP is a stack fault",
    code: "8b0424",
    registers: { rsp: HOLE },
    after: { vector: STACK_FAULT, at: 0, error: 0 },
  },
  {
    name: "a non-canonical address by RBP is a stack fault",
    code: "8b4508",
    registers: { rbp: HOLE },
    after: { vector: STACK_FAULT, at: 0, error: 0 },
  },
  {
    name: "PUSH to a non-canonical address is a stack fault",
    code: "50",
    registers: { rsp: HOLE + 8n },
    after: { vector: STACK_FAULT, at: 0, registers: { rsp: HOLE + 8n } },
  },
  {
    name: "with an FS prefix a non-canonical address is no stack fault",
    code: "648b0424",
    registers: { rsp: HOLE },
    after: { vector: GENERAL_PROTECTION, at: 0 },
  },
  {
    name: "a branch with a 16-bit operand cuts EIP to 16 bits",
    code: "66eb10",
    bits: 32,
    after: { vector: PAGE_FAULT, at: Number((ORACLE_CODE & 0xffffn) + 0x13n - ORACLE_CODE), cr2: 0x5813n },
  },
  {
    name: "there are six segment registers",
    code: "8cf0",
    after: { vector: INVALID_OPCODE, at: 0 },
  },
  {
    name: "MOV to CS is undefined before its operand is looked at",
    code: "8e08",
    registers: { rax: UNMAPPED },
    after: { vector: INVALID_OPCODE, at: 0 },
  },
  {
    name: "a control register that is not there is undefined for everybody",
    code: "0f20c8",
    after: { vector: INVALID_OPCODE, at: 0 },
  },
  {
    name: "privilege is checked before the operand of LMSW is read",
    code: "0f0130",
    registers: { rax: UNMAPPED },
    after: { vector: GENERAL_PROTECTION, at: 0, error: 0 },
  },
  {
    name: "ENTER wants the new top of the stack to be writable",
    code: "c8001000",
    registers: { rsp: STACK, rbp: 5n },
    after: { vector: PAGE_FAULT, at: 0, error: 6, registers: { rsp: STACK, rbp: 5n } },
  },
  {
    name: "ARPL that changes nothing does not write",
    code: "6308",
    bits: 32,
    registers: { rax: UNMAPPED },
    after: { vector: PAGE_FAULT, at: 0, error: 4, cr2: UNMAPPED },
  },
  {
    name: "LAR gives the upper limit bits too",
    code: "0f02c1",
    registers: { rcx: 0x2bn },
    after: { vector: BREAKPOINT, registers: { rax: 0xcf_f300n } },
  },
  {
    name: "an INT3 has no single-step trap",
    code: "48cf",
    registers: { rsp: STACK },
    memory: [0n, ORACLE_CODE + 0x40n, 0x33n, 0x202n | FLAG_TF, STACK, 0x2bn],
    after: { vector: BREAKPOINT, at: 0x41 },
  },
  {
    name: "an exception pending on the x87 comes before an MMX operand's page fault",
    code: "0f6f00",
    registers: { rax: UNMAPPED },
    x87Pending: true,
    after: { vector: 16, at: 0 },
  },
  {
    name: "CVTPI2PD from memory has nothing to do with the x87",
    code: "660f2a00",
    registers: { rax: ORACLE_WINDOW },
    x87Pending: true,
    after: { vector: BREAKPOINT, at: 5 },
  },
  {
    name: "POP to [ESP] uses the popped stack pointer",
    code: "8f0424",
    bits: 32,
    registers: { rsp: STACK },
    memory: [0n, 0x1111_2222_3333_4444n],
    after: {
      vector: BREAKPOINT,
      registers: { rsp: STACK + 4n },
      memory: [0n, 0x3333_4444_3333_4444n],
    },
  },
  { name: "INT1 needs no gate for programs", code: "f1", after: { vector: 1, at: 1 } },
  {
    name: "LSS does not hold back a single-step trap",
    code: "0fb200",
    registers: { rax: ORACLE_WINDOW },
    memory: [0x2b_1234_5678n],
    flags: 0x202n | FLAG_TF,
    after: { vector: 1, at: 3, registers: { rax: 0x1234_5678n } },
  },
  {
    name: "MOVNTI takes no mandatory prefix",
    code: "f30fc308",
    registers: { rax: ORACLE_WINDOW },
    after: { vector: INVALID_OPCODE, at: 0 },
  },
  {
    name: "MOV from CR0 is one for any ModRM.mod",
    code: "0f2000",
    after: { vector: GENERAL_PROTECTION, at: 0, error: 0 },
  },
  {
    // JC to MOV RBX and INC ESI inside of MOV RAX and MOV RCX with their imm64; CMC; DEC RDX; JNZ back.
    name: "jumps into instructions: two streams over the same bytes, by turns",
    code: "720848b800000000000048bb48b9000000000000ffc6f548ffca75e4",
    registers: { rdx: 4n },
    after: {
      vector: BREAKPOINT,
      at: 29,
      registers: { rax: 0xbb48_0000_0000_0000n, rbx: 0xb948n, rcx: 0xc6ff_0000_0000_0000n, rsi: 2n },
    },
  },
];
