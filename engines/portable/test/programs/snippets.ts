// Straight pieces of random programs. They leave RSP and R12 to R15 alone: R12 points to the window, R13 counts loops. What a
// manual leaves undefined is never looked at.

import { littleEndian } from "@hearth/testkit/asm/encoding";
import { encodeForm } from "../differential/encode-form.ts";
import { type Draft, newDraft } from "../differential/draft.ts";
import { allVariants, type Variant } from "../differential/random-case.ts";
import { sequenceVariants } from "../differential/sequence.ts";
import { ORACLE_DATA, ORACLE_WINDOW } from "../oracle.ts";
import type { Random } from "../vector/random.ts";
import type { CodeWriter } from "./code-writer.ts";

/** Nothing is mapped there. */
const NOWHERE = 0x1800_0000n;
export const USUAL_MXCSR = 0x1f80;
const MXCSR_CELL = ORACLE_DATA + 0x180n;
const BORDER = ORACLE_WINDOW + 0x80n;
const PRODUCERS = /^(add|sub|cmp|and|or|xor|test|inc|dec|neg|adc|sbb|bt|xadd|cmpxchg|sahf|stc|clc|cmc)$/;
const READERS = /^(set.*|cmov.*|adc|sbb|lahf|rcl|rcr|inc|dec|cmc|salc)$/;
const ESTIMATES = /^r(cp|sqrt)[ps]s$/;
const LEFT_OUT = /^(maskmov|ldmxcsr|stmxcsr)/;
const FREE = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11];
/** Those of them without REX. */
const LOW = [0, 1, 2, 3, 5, 6, 7];
/** CF, PF, AF, ZF, SF, OF. */
const ARITHMETIC_FLAGS = 0x8d5n;

/** Instructions to choose from. */
export interface Palette {
  readonly plain: readonly Variant[];
  readonly producers: readonly Variant[];
  readonly readers: readonly Variant[];
  readonly vectors: readonly Variant[];
}

export function newPalette(): Palette {
  const { plain } = sequenceVariants(64);
  const named = (names: RegExp): Variant[] => plain.filter((v) => names.test(v.form.mnemonic));
  const vectors = allVariants().filter(
    ({ bits, inMemory, form }) =>
      bits === 64 &&
      !inMemory &&
      form.operands.some((o) => o.kind.startsWith("vector")) &&
      !form.operands.some((o) => o.kind.startsWith("mmx")) &&
      !ESTIMATES.test(form.mnemonic) &&
      !LEFT_OUT.test(form.mnemonic),
  );
  return { plain, producers: named(PRODUCERS), readers: named(READERS), vectors };
}

/** A piece of a few instructions. `patches` are labels of bytes that may be written. */
export function emitSnippet(
  code: CodeWriter,
  random: Random,
  palette: Palette,
  patches: readonly string[],
): void {
  const kind = random.below(32);
  if (kind < 7) emitInstruction(code, random, random.pick(palette.producers));
  else if (kind < 13) emitInstruction(code, random, random.pick(palette.readers));
  else if (kind < 16) emitInstruction(code, random, random.pick(palette.plain));
  else if (kind < 20) emitInstruction(code, random, random.pick(palette.vectors));
  else if (kind < 25) emitMemory(code, random);
  else if (kind === 25) emitVectorMemory(code, random);
  else if (kind === 26) emitShift(code, random);
  else if (kind === 27) emitStack(code, random, palette);
  else if (kind === 28) emitFlagsOnStack(code, random);
  else if (kind === 29) emitString(code, random);
  else if (kind === 30 && random.below(3) === 0) emitMxcsr(code, random);
  else if (kind === 30) emitOverlap(code, random);
  else emitPatch(code, random, patches);
}

const register = (random: Random): number => random.pick(FREE);

/** An instruction on registers that a program may change. */
function emitInstruction(code: CodeWriter, random: Random, variant: Variant): void {
  for (;;) {
    const draft = newDraft(random, variant.placed, 64, variant.size, false);
    encodeForm(draft);
    const isByte = variant.size === 8 && draft.rex === 0 && !draft.forceRex;
    if (registersOf(draft).some((n) => n >= 12 || (n === 4 && !isByte))) continue;
    code.emit(...draft.before.code);
    return;
  }
}

/** Numbers of the registers that the encoding names. */
function registersOf({ form, modrm, rex, before, immediate }: Draft): number[] {
  const [byte] = modrm;
  if (form.registerInOpcode)
    return [((before.code.at(-1 - immediate.length) as number) & 7) | ((rex & 1) << 3)];
  if (byte === undefined) return [];
  const rm = (byte & 7) | ((rex & 1) << 3);
  return form.reg === undefined ? [rm, ((byte >> 3) & 7) | ((rex & 4) << 1)] : [rm];
}

function address(random: Random): bigint {
  if (random.below(40) === 0) return NOWHERE;
  if (random.below(4) === 0) return BORDER - BigInt(random.below(18));
  return ORACLE_WINDOW + BigInt(random.below(232));
}

/** A memory operand, relative to RIP or to R12. */
function emitOperand(
  code: CodeWriter,
  random: Random,
  opcode: readonly number[],
  reg: number,
  { rexW = 0, prefixes = [] as readonly number[], immediate = [] as readonly number[] } = {},
): void {
  const target = address(random);
  const rex = 0x40 | rexW | (reg >= 8 ? 4 : 0);
  if (target === NOWHERE || random.below(2))
    code.memory([...prefixes, rex, ...opcode], reg, target, immediate);
  else {
    const displacement = littleEndian(target - ORACLE_WINDOW, 4);
    code.emit(...prefixes, rex | 1, ...opcode, 0x84 | ((reg & 7) << 3), 0x24, ...displacement, ...immediate);
  }
}

/** Loads, stores, arithmetic with memory on either side, read-modify-write, LOCK. */
function emitMemory(code: CodeWriter, random: Random): void {
  const size = random.pick([8, 16, 32, 64] as const);
  const wide = size === 8 ? 0 : 1;
  const rexW = size === 64 ? 8 : 0;
  const prefixes = size === 16 ? [0x66] : [];
  const kind = random.below(8);
  const options = { rexW, prefixes };
  if (kind < 2) emitOperand(code, random, [0x88 + 2 * kind + wide], register(random), options);
  else if (kind < 4) emitOperand(code, random, [random.below(8) * 8 + wide], register(random), options);
  else if (kind === 4) emitOperand(code, random, [random.below(8) * 8 + 2 + wide], register(random), options);
  else if (kind === 5) emitOperand(code, random, [0xfe + wide], random.below(2), options);
  else if (kind === 6)
    emitOperand(code, random, [0x0f, random.pick([0xb0, 0xc0]) + wide], register(random), {
      rexW,
      prefixes: random.below(2) ? [0xf0, ...prefixes] : prefixes,
    });
  else emitOperand(code, random, [0x0f, random.pick([0xb6, 0xb7, 0xbe, 0xbf])], register(random), { rexW });
}

function emitVectorMemory(code: CodeWriter, random: Random): void {
  const xmm = random.below(16);
  const kind = random.below(6);
  const movups = [0x0f, 0x10 + random.below(2)];
  if (kind < 3) emitOperand(code, random, movups, xmm);
  else if (kind === 3) emitOperand(code, random, [0x0f, random.pick([0x28, 0x29])], xmm);
  else
    emitOperand(code, random, [0x0f, random.pick([0x58, 0x59, 0x5c, 0x5e])], xmm, {
      prefixes: [random.pick([0xf2, 0xf3])],
    });
}

/** A shift or product, a look at the flags it defines, and an addition that defines all of them again. */
function emitShift(code: CodeWriter, random: Random): void {
  const [a, b] = [random.pick(LOW), random.pick(LOW)];
  const size = random.pick([16, 32, 64]);
  if (size === 16) code.emit(0x66);
  const rex = size === 64 ? 0x48 : 0x40;
  const modrm = 0xc0 | (a << 3) | b;
  const kind = random.below(5);
  if (kind === 0) code.emit(rex, 0x0f, 0xaf, modrm);
  else if (kind === 1) code.emit(rex, 0xf7, 0xe0 | (random.below(2) << 3) | b);
  else if (kind === 2) code.emit(rex, 0xd1, 0xc0 | (random.pick([0, 1, 2, 3, 4, 5, 7]) << 3) | b);
  else if (kind === 3)
    code.emit(rex, 0xc1, 0xc0 | (random.pick([0, 1, 4, 5, 7]) << 3) | b, random.below(size));
  else {
    // AND CL, 15: more than the operand's width leaves CF undefined.
    code.emit(...(size === 16 ? [rex, 0x90, 0x80, 0xe1, 15, 0x66] : []));
    code.emit(rex, 0xd3, 0xc0 | (random.pick([0, 1, 4, 5, 7]) << 3) | b);
  }
  const reader = random.below(4);
  if (reader === 0) code.emit(0x0f, 0x92, 0xc0 | a);
  else if (reader === 1) code.emit(0x48, 0x0f, 0x42, modrm);
  else if (reader === 2) code.emit(0x48, 0x11, modrm);
  code.emit(0x48, 0x01, 0xc0 | (random.pick(LOW) << 3) | random.pick(LOW));
}

/** PUSH, an instruction, POP. */
function emitStack(code: CodeWriter, random: Random, { plain }: Palette): void {
  code.emit(0x41, 0x50 | random.below(4));
  emitInstruction(code, random, random.pick(plain));
  if (random.below(2)) code.emit(0x58 | random.pick(LOW));
  else {
    // CALL of the next instruction.
    code.emit(0xe8, 0, 0, 0, 0, 0x58 | random.pick(LOW), 0x41, 0x58 | random.below(4));
  }
}

function emitFlagsOnStack(code: CodeWriter, random: Random): void {
  const a = random.pick(LOW);
  if (random.below(2)) code.emit(0x9c, 0x58 | a);
  else code.emit(0x48, 0x81, 0xe0 | a, ...littleEndian(ARITHMETIC_FLAGS, 4), 0x50 | a, 0x9d);
}

/** A repeated MOVS or STOS of a few elements around the window, in either direction. */
function emitString(code: CodeWriter, random: Random): void {
  const at = (): number[] => littleEndian(BigInt(60 + random.below(100)), 4);
  code.emit(0x49, 0x8d, 0xbc, 0x24, ...at(), 0x49, 0x8d, 0xb4, 0x24, ...at());
  code.emit(0xb9, ...littleEndian(BigInt(random.below(6)), 4));
  const [prefixes, opcode] = random.pick([
    [[0xf3], 0xa4],
    [[0xf3, 0x48], 0xa5],
    [[0xf3], 0xaa],
    [[0xf3, 0x48], 0xab],
    [[0xf3], 0xa6],
    [[0xf2], 0xae],
    [[], 0xa4],
    [[], 0xab],
  ] as const);
  code.emit(...prefixes, opcode);
}

/** A jump into an instruction: the same bytes are two instructions, or two streams of them that meet again. */
function emitOverlap(code: CodeWriter, random: Random): void {
  const jump = 0x70 | random.below(16);
  if (random.below(2)) {
    // Over a LOCK prefix, as in programs that know they run on one processor: ADD, OR, ADC, SBB, AND, SUB, XOR.
    code.emit(jump, 1);
    code.label(`into${code.length}`);
    code.emit(0xf0);
    emitOperand(code, random, [random.below(7) * 8 + 1], random.pick(LOW), { rexW: 8 });
    return;
  }
  // MOV RAX, MOV RCX; or MOV RBX, NOP, NOP. Each has ten bytes.
  code.emit(jump, 8);
  code.label(`into${code.length}`);
  code.emit(0x48, 0xb8, ...littleEndian(random.u64(), 6), 0x48, 0xbb);
  code.emit(0x48, 0xb9, ...littleEndian(random.u64(), 6), 0x90, 0x90);
}

/** LDMXCSR: the usual value, or another rounding and treatment of denormals, seldom with exceptions unmasked. */
function emitMxcsr(code: CodeWriter, random: Random): void {
  const masks = random.below(8) ? 0x1f80 : 0;
  const value = random.below(2) ? USUAL_MXCSR : masks | (random.u32() & 0xe040);
  code.memory([0xc7], 0, MXCSR_CELL, littleEndian(BigInt(value), 4));
  code.memory([0x0f, 0xae], 2, MXCSR_CELL);
}

/** A write to code. */
function emitPatch(code: CodeWriter, random: Random, patches: readonly string[]): void {
  if (patches.length === 0) return;
  code.relative([0xc6, 0x05], random.pick(patches), [random.below(256)]);
}

/** ADD with an immediate byte that has a label. */
export function emitPatchable(code: CodeWriter, random: Random, label: string): void {
  code.emit(0x48, 0x83, 0xc0 | random.pick(LOW));
  code.label(label);
  code.emit(random.below(256));
}
