// Cases for the x87: every encoding of the instruction tables, and states that make its exceptions likely.

import type { PlacedForm } from "../../src/decode/handlers.ts";
import { layOutHandlers } from "../../src/decode/handlers.ts";
import { blankCase, type CpuCase, ORACLE_DATA, ORACLE_WINDOW } from "../oracle.ts";
import type { Random } from "../vector/random.ts";

const FWAIT = 0x9b;
const OPERAND_SIZE = 0x66;
/** FSIN to FPTAN and the like: results are within one unit of the last place, C1 goes with them. */
export const INEXACT = new Set([0xf0, 0xf1, 0xf2, 0xf3, 0xf9, 0xfb, 0xfe, 0xff]);

/** One instruction, without displacement: memory operands are at [RAX]. */
export interface X87Encoding {
  readonly mnemonic: string;
  readonly prefixes: readonly number[];
  readonly opcode: number;
  readonly modrm: number | undefined;
}

function encodingsOf({ form, sizes }: PlacedForm): X87Encoding[] {
  const { mnemonic, opcode } = form;
  const one = (modrm: number, prefixes: readonly number[] = []): X87Encoding => ({
    mnemonic,
    prefixes,
    opcode,
    modrm,
  });
  if (form.modrm !== undefined) return [one(form.modrm)];
  const reg = (form.reg as number) << 3;
  if (form.mod === "r") return Array.from({ length: 8 }, (_, rm) => one(0xc0 | reg | rm));
  return sizes.length > 1 ? [one(reg), one(reg, [OPERAND_SIZE])] : [one(reg)];
}

/** Every encoding of d8 to df that has a meaning, and FWAIT. */
export function x87Encodings(): X87Encoding[] {
  const forms = layOutHandlers().forms.filter(
    ({ form }) => form.map === 0 && form.opcode >= 0xd8 && form.opcode <= 0xdf && !form.options.has("pseudo"),
  );
  return [
    ...forms.flatMap(encodingsOf),
    { mnemonic: "fwait", prefixes: [], opcode: FWAIT, modrm: undefined },
  ];
}

export function isInexact({ opcode, modrm }: X87Encoding): boolean {
  return opcode === 0xd9 && INEXACT.has(modrm ?? 0);
}

/** Machine code; memory operands are at [RAX + displacement] if there is one. */
export function codeOf({ prefixes, opcode, modrm }: X87Encoding, displacement?: number): number[] {
  if (modrm === undefined) return [...prefixes, opcode];
  if (displacement === undefined || modrm >= 0xc0) return [...prefixes, opcode, modrm];
  return [...prefixes, opcode, modrm | 0x40, displacement];
}

/** A number for a register: zeros, infinities, NaNs, denormals, unsupported encodings, numbers near each other. */
function putNumber(random: Random, view: DataView, at: number): void {
  const top = 1n << 63n;
  const sign = random.below(2) << 15;
  const [exponent, significand] = random.pick<() => readonly [number, bigint]>([
    () => [0, 0n],
    () => [0x7fff, top],
    () => [0x7fff, top | (random.u64() >> 1n)],
    () => [0x7fff, top | (random.u64() >> 1n) | (1n << 62n)],
    () => [0, random.u64() >> 1n],
    () => [random.below(0x8000), random.u64() >> 1n],
    () => [random.below(0x8000), random.u64() | top],
    () => [0x3fff, top],
    () => [0x3ffb + random.below(20), top | (BigInt(random.below(256)) << 55n)],
    () => [0x3ffa + random.below(70), top | random.u64()],
    () => [0x3fcd + random.below(100), top | (random.u64() >> BigInt(random.below(64)))],
  ])();
  view.setBigUint64(at, significand, true);
  view.setUint16(at + 8, sign | exponent, true);
}

/** Puts an operand for some instruction at an offset of the window. */
function putOperand(random: Random, window: Uint8Array, at: number): void {
  const view = new DataView(window.buffer, window.byteOffset);
  const real = random.pick([0, -0, 1, -1.5, Number.POSITIVE_INFINITY, Number.NaN, 1e-40, 1e-310]);
  random.pick<() => void>([
    () => {},
    () => view.setFloat32(at, real, true),
    () => view.setFloat64(at, real, true),
    () => view.setBigInt64(at, BigInt(random.below(2000) - 1000), true),
    () => putNumber(random, view, at),
    () => {
      for (let i = 0; i < 9; i++) window[at + i] = (random.below(10) << 4) | random.below(10);
    },
  ])();
}

/** Mostly all masked and 64 bits wide; else any rounding and precision, or anything at all. */
function controlWord(random: Random): number {
  if (random.below(4) === 0) return (random.below(16) << 8) | 0x7f;
  return random.below(3) === 0 ? random.below(0x10000) : 0x37f;
}

/** A random state to run code in. RAX points into the window, at times across the border of its pages. */
export function x87Case(random: Random, code: readonly number[]): CpuCase {
  const before = blankCase(Uint8Array.from(code));
  const view = new DataView(before.fxsave.buffer);
  const control = controlWord(random);
  let status = random.below(0x10000) & 0x7f7f;
  // Mostly nothing is pending.
  if (random.below(8) !== 0) status &= ~(~control & 0x3f);
  if (random.below(3) === 0) status &= 0x4700;
  const full = 0xff & ~(random.below(2) << (((status >> 11) + 7) & 7));
  view.setUint16(0, control, true);
  view.setUint16(2, status, true);
  view.setUint8(4, random.pick([full, full, full, 0, random.below(256)]));
  for (let i = 0; i < 8; i++) putNumber(random, view, 32 + i * 16);
  if (random.below(3) === 0) before.fxsave.copyWithin(48, 32, 42);
  for (let i = 0; i < before.window.length; i++) before.window[i] = random.below(256);
  for (const at of [0, 64, 120, 128]) putOperand(random, before.window, at);
  before.gpr[0] = ORACLE_WINDOW + BigInt(random.pick([0, 0, 64, 120, 124, 126, 127]));
  before.rflags = 0x202n | (random.u64() & 0x8d5n);
  return before;
}

/** The same with RAX where the operand, or its end, is not mapped. */
export function faultingX87Case(random: Random, code: readonly number[]): CpuCase {
  const before = x87Case(random, code);
  before.gpr[0] = ORACLE_DATA + BigInt(random.pick([0x2000, 0x1fff, 0x1ffe, 0x1ffc, 0x1ff8, 0x1fe4, -1, -4]));
  return before;
}
