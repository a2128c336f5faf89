// Machine-code bytes of one instruction: legacy prefixes, REX, opcode, ModRM, SIB, displacement, immediate. Intel SDM volume 2,
// chapter 2.

import type { MemoryOperand, Operand } from "./operands.ts";

/** Width of the code segment the instruction is for. */
export type CodeBits = 16 | 32 | 64;

export interface InstructionParts {
  readonly bits: CodeBits;
  /** Address of the instruction. */
  readonly address: bigint;
  /** Operand size in bits; 8 and undefined need no size prefix. */
  readonly size?: number;
  /** The form is 64-bit by default in 64-bit code (PUSH and the like), or has no operand size. */
  readonly default64?: boolean;
  /** F2, F3 or 66 that belongs to the opcode. */
  readonly mandatory?: number;
  readonly opcode: readonly number[];
  /** ModRM.reg: a register number or an opcode extension. */
  readonly reg?: number;
  readonly rm?: Operand;
  /** A register encoded in the opcode's low three bits. */
  readonly opcodeRegister?: number;
  /** A register operand that needs REX to be what it is called. */
  readonly forceRex?: boolean;
  readonly immediate?: readonly number[];
}

/** Little-endian bytes of `value`, cut to `bytes`. */
export function littleEndian(value: bigint, bytes: number): number[] {
  const wrapped = BigInt.asUintN(bytes * 8, value);
  return Array.from({ length: bytes }, (_, i) => Number((wrapped >> BigInt(8 * i)) & 0xffn));
}

const SEGMENT_PREFIX = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

export function encodeInstruction(parts: InstructionParts): number[] {
  const { bits, rm } = parts;
  const memory = rm?.kind === "memory" ? rm : undefined;
  const prefixes: number[] = [];
  if (memory?.segment !== undefined) prefixes.push(SEGMENT_PREFIX[memory.segment] as number);
  if (memory && needsAddressPrefix(memory, bits)) prefixes.push(0x67);
  if (needsSizePrefix(parts)) prefixes.push(0x66);
  if (parts.mandatory !== undefined) prefixes.push(parts.mandatory);
  const rex = rexOf(parts, memory);
  if (rex !== 0) prefixes.push(rex);
  const opcode = [...parts.opcode];
  if (parts.opcodeRegister !== undefined) opcode.push((opcode.pop() as number) + (parts.opcodeRegister & 7));
  const immediate = parts.immediate ?? [];
  const reg = (parts.reg ?? 0) & 7;
  let operand: number[] = [];
  if (memory) {
    const endWithoutDisplacement = prefixes.length + opcode.length + 1 + immediate.length;
    operand = encodeMemory(memory, reg, bits, parts.address + BigInt(endWithoutDisplacement));
  } else if (rm && "n" in rm) operand = [0xc0 | (reg << 3) | (rm.n & 7)];
  return [...prefixes, ...opcode, ...operand, ...immediate];
}

function needsSizePrefix({ bits, size, default64 }: InstructionParts): boolean {
  if (size === 16) return bits !== 16;
  return size === 32 && bits === 16 && default64 !== true;
}

function needsAddressPrefix(memory: MemoryOperand, bits: CodeBits): boolean {
  if (memory.addressSize === 0) return false;
  return memory.addressSize === 32 ? bits !== 32 : bits !== 64;
}

function rexOf(parts: InstructionParts, memory: MemoryOperand | undefined): number {
  const { bits, size, default64, reg = 0, rm, opcodeRegister = 0, forceRex } = parts;
  const base = memory ? (memory.base ?? 0) : rm && "n" in rm ? rm.n : opcodeRegister;
  const wide = size === 64 && default64 !== true ? 8 : 0;
  const extended = (reg & 8 ? 4 : 0) | ((memory?.index ?? 0) & 8 ? 2 : 0) | (base & 8 ? 1 : 0);
  if (wide === 0 && extended === 0 && forceRex !== true) return 0;
  if (bits !== 64) throw new Error("needs a REX prefix, which only 64-bit code has");
  return 0x40 | wide | extended;
}

function encodeMemory(m: MemoryOperand, reg: number, bits: CodeBits, end: bigint): number[] {
  const modrm = (mod: number, rm: number): number => (mod << 6) | (reg << 3) | rm;
  if (m.relative) return [modrm(0, 5), ...littleEndian(m.displacement - (end + 4n), 4)];
  if (m.base === undefined && m.index === undefined) {
    if (bits === 16) return [modrm(0, 6), ...littleEndian(m.displacement, 2)];
    const absolute = littleEndian(m.displacement, 4);
    return bits === 64 ? [modrm(0, 4), 0x25, ...absolute] : [modrm(0, 5), ...absolute];
  }
  const base = m.base ?? 5;
  const mod = m.base === undefined ? 0 : displacementMode(m, base);
  const needsSib = m.index !== undefined || m.base === undefined || (base & 7) === 4;
  const sib = needsSib ? [(Math.log2(m.scale) << 6) | (((m.index ?? 4) & 7) << 3) | (base & 7)] : [];
  const displacementBytes = m.base === undefined || mod === 2 ? 4 : mod;
  return [modrm(mod, needsSib ? 4 : base & 7), ...sib, ...littleEndian(m.displacement, displacementBytes)];
}

function displacementMode(m: MemoryOperand, base: number): 0 | 1 | 2 {
  if (m.hasLabel) return 2;
  if (m.displacement === 0n && (base & 7) !== 5) return 0;
  return BigInt.asIntN(8, m.displacement) === m.displacement ? 1 : 2;
}
