// The instructions the small assembler knows, by mnemonic. Intel SDM volume 2.

import { type CodeBits, encodeInstruction, type InstructionParts, littleEndian } from "./encoding.ts";
import type { FarOperand, ImmediateOperand, MemoryOperand, Operand, RegisterOperand } from "./operands.ts";

export interface InstructionPlace {
  readonly bits: CodeBits;
  readonly address: bigint;
}

type Encoder = (place: InstructionPlace, operands: readonly Operand[]) => number[];

const hexBytes = (text: string): number[] => text.split(" ").map((byte) => Number.parseInt(byte, 16));

/** Whole instructions without operands. */
const FIXED: Readonly<Record<string, string>> = {
  nop: "90",
  hlt: "f4",
  cli: "fa",
  sti: "fb",
  cld: "fc",
  std: "fd",
  clc: "f8",
  stc: "f9",
  int3: "cc",
  int1: "f1",
  into: "ce",
  ud2: "0f 0b",
  leave: "c9",
  cpuid: "0f a2",
  rdtsc: "0f 31",
  rdmsr: "0f 32",
  wrmsr: "0f 30",
  rdpmc: "0f 33",
  clts: "0f 06",
  wbinvd: "0f 09",
  syscall: "0f 05",
  sysretd: "0f 07",
  sysretq: "48 0f 07",
  sysenter: "0f 34",
  sysexitd: "0f 35",
  sysexitq: "48 0f 35",
  swapgs: "0f 01 f8",
  stac: "0f 01 cb",
  clac: "0f 01 ca",
  pause: "f3 90",
  iretq: "48 cf",
  retfq: "48 cb",
  fninit: "db e3",
  fwait: "9b",
  fld1: "d9 e8",
  fldz: "d9 ee",
  fdivp: "de f9",
  ret: "c3",
  iret: "cf",
  retf: "cb",
  pushf: "9c",
  popf: "9d",
  lock: "f0",
  rep: "f3",
  repe: "f3",
  repne: "f2",
};

/** Opcodes without operands whose size is in the name: mnemonic → opcode, operand size. */
const SIZED: Readonly<Record<string, readonly [number, number]>> = {
  movsb: [0xa4, 8],
  movsw: [0xa5, 16],
  movsd: [0xa5, 32],
  movsq: [0xa5, 64],
  cmpsb: [0xa6, 8],
  stosb: [0xaa, 8],
  stosw: [0xab, 16],
  stosd: [0xab, 32],
  stosq: [0xab, 64],
  lodsb: [0xac, 8],
  lodsd: [0xad, 32],
  scasb: [0xae, 8],
  insb: [0x6c, 8],
  insd: [0x6d, 32],
  outsb: [0x6e, 8],
  outsd: [0x6f, 32],
  iretd: [0xcf, 32],
  iretw: [0xcf, 16],
  retfd: [0xcb, 32],
};

const ARITHMETIC = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"];
const SHIFTS = ["rol", "ror", "rcl", "rcr", "shl", "shr", "", "sar"];
const UNARY: Readonly<Record<string, number>> = { not: 2, neg: 3, mul: 4, imul: 5, div: 6, idiv: 7 };
const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
/** Instructions with one memory or register operand of fixed size: opcode, ModRM extension. */
const ONE_OPERAND: Readonly<Record<string, readonly [string, number]>> = {
  sgdt: ["0f 01", 0],
  sidt: ["0f 01", 1],
  lgdt: ["0f 01", 2],
  lidt: ["0f 01", 3],
  invlpg: ["0f 01", 7],
  lldt: ["0f 00", 2],
  ltr: ["0f 00", 3],
  fxsave: ["0f ae", 0],
  fxrstor: ["0f ae", 1],
  ldmxcsr: ["0f ae", 2],
  stmxcsr: ["0f ae", 3],
  fldcw: ["d9", 5],
};
/** SSE moves and arithmetic between registers and memory: mandatory prefix (0 none), load opcode, store opcode (0 none). */
const SSE: Readonly<Record<string, readonly [number, number, number]>> = {
  movups: [0, 0x10, 0x11],
  movaps: [0, 0x28, 0x29],
  movdqu: [0xf3, 0x6f, 0x7f],
  addps: [0, 0x58, 0],
  divps: [0, 0x5e, 0],
};

const encoders = new Map<string, Encoder>();

const isGeneral = (o: Operand | undefined): o is RegisterOperand => o?.kind === "register";
const isMemory = (o: Operand | undefined): o is MemoryOperand => o?.kind === "memory";
const isImmediate = (o: Operand | undefined): o is ImmediateOperand => o?.kind === "immediate";

function sizeOf(...operands: readonly (Operand | undefined)[]): number {
  for (const o of operands) if (isGeneral(o)) return o.size;
  for (const o of operands) if (isMemory(o) && o.size !== undefined) return o.size;
  throw new Error("the operand size is not clear");
}

const wantsRex = (...operands: readonly (Operand | undefined)[]): boolean =>
  operands.some((o) => isGeneral(o) && o.needsRex);

const fitsByte = ({ value, hasLabel }: ImmediateOperand): boolean =>
  !hasLabel && BigInt.asIntN(8, value) === value;

/** Opcode with ModRM for a size: the byte form has the opcode as given, the others the next one. */
function general(
  place: InstructionPlace,
  opcode: number,
  reg: number,
  rm: Operand,
  size: number,
  more: Partial<InstructionParts> = {},
): number[] {
  return encodeInstruction({
    ...place,
    size,
    opcode: [size === 8 ? opcode : opcode + 1],
    reg,
    rm,
    forceRex: wantsRex(rm),
    ...more,
  });
}

function immediateBytes(value: bigint, size: number): number[] {
  return littleEndian(value, size === 8 ? 1 : size === 16 ? 2 : 4);
}

function define(names: string | readonly string[], encoder: Encoder): void {
  for (const name of typeof names === "string" ? [names] : names) encoders.set(name, encoder);
}

function unsupported(): never {
  throw new Error("the assembler has no such form");
}

for (const [name, bytes] of Object.entries(FIXED)) define(name, () => hexBytes(bytes));
for (const [name, [opcode, size]] of Object.entries(SIZED))
  define(name, (place) => encodeInstruction({ ...place, size, opcode: [opcode] }));

ARITHMETIC.forEach((name, n) =>
  define(name, (place, [a, b]) => {
    const size = sizeOf(a, b);
    if (isImmediate(b) && a) {
      if (size !== 8 && fitsByte(b))
        return general(place, 0x82, n, a, size, { immediate: immediateBytes(b.value, 8) });
      return general(place, 0x80, n, a, size, { immediate: immediateBytes(b.value, size) });
    }
    if (isGeneral(b) && a) return general(place, n * 8, b.n, a, size, { forceRex: wantsRex(a, b) });
    if (isGeneral(a) && isMemory(b))
      return general(place, n * 8 + 2, a.n, b, size, { forceRex: wantsRex(a) });
    return unsupported();
  }),
);

SHIFTS.forEach((name, n) =>
  define(name, (place, [a, b]) =>
    a && isImmediate(b)
      ? general(place, 0xc0, n, a, sizeOf(a), { immediate: immediateBytes(b.value, 8) })
      : unsupported(),
  ),
);

for (const [name, n] of Object.entries(UNARY))
  define(name, (place, [a]) => (a ? general(place, 0xf6, n, a, sizeOf(a)) : unsupported()));
define("inc", (place, [a]) => (a ? general(place, 0xfe, 0, a, sizeOf(a)) : unsupported()));
define("dec", (place, [a]) => (a ? general(place, 0xfe, 1, a, sizeOf(a)) : unsupported()));
define("test", (place, [a, b]) => {
  if (a && isImmediate(b))
    return general(place, 0xf6, 0, a, sizeOf(a), { immediate: immediateBytes(b.value, sizeOf(a)) });
  return a && isGeneral(b) ? general(place, 0x84, b.n, a, b.size) : unsupported();
});
define("xchg", (place, [a, b]) => (a && isGeneral(b) ? general(place, 0x86, b.n, a, b.size) : unsupported()));
define("lea", (place, [a, b]) =>
  isGeneral(a) && isMemory(b) ? general(place, 0x8c, a.n, b, a.size) : unsupported(),
);

define("mov", (place, [a, b]) => {
  if (a === undefined || b === undefined) return unsupported();
  if (a.kind === "control" || b.kind === "control") return moveSpecial(place, a, b, 0x20, "control");
  if (a.kind === "debug" || b.kind === "debug") return moveSpecial(place, a, b, 0x21, "debug");
  if (a.kind === "segment") return encodeInstruction({ ...place, opcode: [0x8e], reg: a.n, rm: b });
  if (b.kind === "segment") return encodeInstruction({ ...place, opcode: [0x8c], reg: b.n, rm: a });
  const size = sizeOf(a, b);
  if (isImmediate(b)) return moveImmediate(place, a, b, size);
  if (isGeneral(b)) return general(place, 0x88, b.n, a, size, { forceRex: wantsRex(a, b) });
  if (isGeneral(a)) return general(place, 0x8a, a.n, b, size, { forceRex: wantsRex(a) });
  return unsupported();
});

/** To a register always as wide as the register, so that a 64-bit constant needs no second thought. */
function moveImmediate(place: InstructionPlace, a: Operand, b: ImmediateOperand, size: number): number[] {
  if (!isGeneral(a)) return general(place, 0xc6, 0, a, size, { immediate: immediateBytes(b.value, size) });
  return encodeInstruction({
    ...place,
    size,
    opcode: [size === 8 ? 0xb0 : 0xb8],
    opcodeRegister: a.n,
    forceRex: a.needsRex,
    immediate: littleEndian(b.value, size / 8),
  });
}

function moveSpecial(
  place: InstructionPlace,
  a: Operand,
  b: Operand,
  readOpcode: number,
  kind: "control" | "debug",
): number[] {
  const [special, other, opcode] = a.kind === kind ? [a, b, readOpcode + 2] : [b, a, readOpcode];
  if (special.kind !== kind || !isGeneral(other)) return unsupported();
  return encodeInstruction({ ...place, opcode: [0x0f, opcode], reg: special.n, rm: other });
}

define("push", (place, [a]) => {
  if (isImmediate(a)) return [0x68, ...littleEndian(a.value, place.bits === 16 ? 2 : 4)];
  if (a?.kind === "segment") return a.n < 4 ? [0x06 + a.n * 8] : [0x0f, a.n === 4 ? 0xa0 : 0xa8];
  const size = sizeOf(a);
  if (isGeneral(a))
    return encodeInstruction({ ...place, size, default64: size === 64, opcode: [0x50], opcodeRegister: a.n });
  return encodeInstruction({
    ...place,
    size,
    default64: size === 64,
    opcode: [0xff],
    reg: 6,
    rm: a as Operand,
  });
});
define("pop", (place, [a]) => {
  if (a?.kind === "segment") return a.n < 4 ? [0x07 + a.n * 8] : [0x0f, a.n === 4 ? 0xa1 : 0xa9];
  const size = sizeOf(a);
  if (isGeneral(a))
    return encodeInstruction({ ...place, size, default64: size === 64, opcode: [0x58], opcodeRegister: a.n });
  return encodeInstruction({
    ...place,
    size,
    default64: size === 64,
    opcode: [0x8f],
    reg: 0,
    rm: a as Operand,
  });
});

/** Near branches: always the long form, so that a label's value cannot change the length. */
function branch(place: InstructionPlace, opcode: readonly number[], target: bigint): number[] {
  const bytes = place.bits === 16 ? 2 : 4;
  const end = place.address + BigInt(opcode.length + bytes);
  return [...opcode, ...littleEndian(target - end, bytes)];
}

function transfer(near: number, extension: number, far: number): Encoder {
  return (place, [a]) => {
    if (isImmediate(a)) return branch(place, [near], a.value);
    if (a?.kind === "far") return farPointer(place, far, a, place.bits === 16 ? 16 : 32);
    const default64 = place.bits === 64;
    return a
      ? encodeInstruction({ ...place, size: sizeOf(a), default64, opcode: [0xff], reg: extension, rm: a })
      : unsupported();
  };
}

function farPointer(place: InstructionPlace, opcode: number, a: FarOperand, size: number): number[] {
  if (place.bits === 64) return unsupported();
  const immediate = [...littleEndian(a.offset, size / 8), ...littleEndian(a.selector, 2)];
  return encodeInstruction({ ...place, size, opcode: [opcode], immediate });
}

define("jmp", transfer(0xe9, 4, 0xea));
define("call", transfer(0xe8, 2, 0x9a));
/** A far jump with a 32-bit offset out of 16-bit code. */
define("jmpd", (place, [a]) => (a?.kind === "far" ? farPointer(place, 0xea, a, 32) : unsupported()));
const farMemory =
  (extension: number): Encoder =>
  (place, [a]) =>
    isMemory(a)
      ? encodeInstruction({ ...place, size: a.size ?? 32, opcode: [0xff], reg: extension, rm: a })
      : unsupported();
/** Far transfers through memory: the size names the offset's, the selector follows it. */
define("jmpf", farMemory(5));
define("callf", farMemory(3));
CONDITIONS.forEach((cc, n) =>
  define(`j${cc}`, (place, [a]) =>
    isImmediate(a) ? branch(place, [0x0f, 0x80 + n], a.value) : unsupported(),
  ),
);
define("loop", (place, [a]) => {
  if (!isImmediate(a)) return unsupported();
  return [0xe2, ...littleEndian(a.value - place.address - 2n, 1)];
});
/** The two-byte form. */
define("jmps", (place, [a]) =>
  isImmediate(a) ? [0xeb, ...littleEndian(a.value - place.address - 2n, 1)] : unsupported(),
);
define("int", (_place, [a]) => (isImmediate(a) ? [0xcd, ...littleEndian(a.value, 1)] : unsupported()));

define("in", (place, [a, b]) => portAccess(place, a, b, 0xe4));
define("out", (place, [a, b]) => portAccess(place, b, a, 0xe6));
function portAccess(
  place: InstructionPlace,
  data: Operand | undefined,
  port: Operand | undefined,
  opcode: number,
): number[] {
  const size = sizeOf(data);
  const wide = size === 8 ? 0 : 1;
  if (isImmediate(port))
    return encodeInstruction({
      ...place,
      size,
      opcode: [opcode + wide],
      immediate: littleEndian(port.value, 1),
    });
  return encodeInstruction({ ...place, size, opcode: [opcode + 8 + wide] });
}

for (const [name, [opcode, extension]] of Object.entries(ONE_OPERAND))
  define(name, (place, [a]) =>
    a ? encodeInstruction({ ...place, opcode: hexBytes(opcode), reg: extension, rm: a }) : unsupported(),
  );
define("invpcid", (place, [a, b]) =>
  isGeneral(a) && b
    ? encodeInstruction({ ...place, mandatory: 0x66, opcode: [0x0f, 0x38, 0x82], reg: a.n, rm: b })
    : unsupported(),
);
for (const [name, [prefix, load, store]] of Object.entries(SSE))
  define(name, (place, [a, b]) => {
    const toRegister = a?.kind === "xmm";
    const [register, rm] = toRegister ? [a, b] : [b, a];
    if (register?.kind !== "xmm" || rm === undefined || (!toRegister && store === 0)) return unsupported();
    const opcode = [0x0f, toRegister ? load : store];
    const parts = { ...place, opcode, reg: register.n, rm };
    return encodeInstruction(prefix === 0 ? parts : { ...parts, mandatory: prefix });
  });
for (const [name, opcode] of Object.entries({ cmpxchg: 0xb0, xadd: 0xc0 }))
  define(name, (place, [a, b]) =>
    a && isGeneral(b)
      ? encodeInstruction({
          ...place,
          size: b.size,
          opcode: [0x0f, b.size === 8 ? opcode : opcode + 1],
          reg: b.n,
          rm: a,
        })
      : unsupported(),
  );

/** Bytes of one instruction; throws an Error for what is not known. */
export function encode(place: InstructionPlace, mnemonic: string, operands: readonly Operand[]): number[] {
  const encoder = encoders.get(mnemonic);
  if (!encoder) throw new Error(`unknown instruction "${mnemonic}"`);
  return encoder(place, operands);
}

/** Prefixes written before an instruction on its line. */
export function isPrefix(word: string): boolean {
  return word === "lock" || word === "rep" || word === "repe" || word === "repne";
}
