// What differs between the engine's answer to a case and the CPU's.

import type { CpuAnswer, CpuCase } from "../oracle.ts";
import type { RandomCase, Variant } from "./random-case.ts";
import {
  COMPARED_FLAGS,
  comparedFlags,
  isEstimate,
  isImage,
  isDoublyWrong,
  isInexact,
  isLimitFault,
  memoryIsCompared,
} from "./undefined-results.ts";

const REGISTERS = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"];
const USUAL_MXCSR = 0x1f80;
const MXCSR_CONTROL = 0x7f80;
/** Denormal operand, underflow and inexact are not kept where the host's own arithmetic is used. */
const MXCSR_UNKEPT = 0x32;
const COMPATIBILITY_CODE = 0x23;
const C1 = 0x200;
const PAGE_FAULT = 14;
const FAULT_PRESENT = 1;
/** First address beyond those of programs: Linux reports faults above it as if pages were there. */
const TASK_END = 0x7fff_ffff_f000n;
/** Relative error the manual allows an estimate. */
const IMAGE_BYTES = 512n;
const ESTIMATE_ERROR = 1.5 * 2 ** -12;

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const words = (state: { fxsave: Uint8Array }): DataView =>
  new DataView(state.fxsave.buffer, state.fxsave.byteOffset, 512);

/** Empty when nothing differs. */
export function differences({ variant, before }: RandomCase, ours: CpuAnswer, theirs: CpuAnswer): string[] {
  const found: string[] = [];
  const compare = (name: string, a: number | bigint | string, b: number | bigint | string): void => {
    if (a !== b) found.push(`${name} ${a.toString(16)}, CPU ${b.toString(16)}`);
  };
  compare("signal", Number(ours.signal === 26), Number(theirs.signal === 26));
  if (theirs.signal === 26) return found;
  if (isLimitFault(variant, ours, theirs) || isDoublyWrong(variant, ours, theirs)) return [];
  compare("vector", ours.vector, theirs.vector);
  compare("rip", ours.rip, theirs.rip);
  compare("cs", ours.cs, theirs.cs);
  compareFault(compare, variant, ours, theirs);
  for (let n = 0; n < 16; n++)
    compare(REGISTERS[n] ?? `r${n}`, registerBits(variant, ours, n), registerBits(variant, theirs, n));
  const flags = comparedFlags(variant, before);
  compare("flags", ours.rflags & flags, theirs.rflags & flags);
  if (memoryIsCompared(variant) && !sameBytes(ours.window, theirs.window)) {
    const at = ours.window.findIndex((byte, i) => byte !== theirs.window[i]);
    const part = (bytes: Uint8Array): string => hex(bytes.slice(at, at + 16));
    found.push(`memory from ${at.toString(16)}: ${part(ours.window)}, CPU ${part(theirs.window)}`);
  }
  if (!sameBytes(ours.fxsave, theirs.fxsave)) compareFloats({ variant, before }, ours, theirs, compare);
  return found;
}

/** Upper halves of registers are lost in compatibility mode, sooner or later. */
function registerBits(variant: Variant, state: CpuAnswer, n: number): bigint {
  const value = state.gpr[n] as bigint;
  return variant.bits === 64 && state.cs === COMPATIBILITY_CODE ? value & 0xffff_ffffn : value;
}

type Compare = (name: string, a: number | bigint | string, b: number | bigint | string) => void;

function compareFault(compare: Compare, variant: Variant, ours: CpuAnswer, theirs: CpuAnswer): void {
  if (ours.vector !== theirs.vector) return;
  const hidden = theirs.vector === PAGE_FAULT && theirs.cr2 >= TASK_END ? FAULT_PRESENT : 0;
  compare("error code", ours.errorCode | hidden, theirs.errorCode | hidden);
  if (theirs.vector !== PAGE_FAULT) return;
  // Which of the bytes of an image or frame is touched first is the CPU's own business.
  const distance = ours.cr2 - theirs.cr2;
  if (isImage(variant) && distance > -IMAGE_BYTES && distance < IMAGE_BYTES) return;
  compare("cr2", ours.cr2, theirs.cr2);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function compareFloats(
  { variant, before }: RandomCase,
  ours: CpuAnswer,
  theirs: CpuAnswer,
  compare: Compare,
): void {
  const [a, b] = [words(ours), words(theirs)];
  const inexact = isInexact(variant);
  const status = inexact ? 0xffff & ~C1 : 0xffff;
  compare("x87 control", a.getUint16(0, true), b.getUint16(0, true));
  compare("x87 status", a.getUint16(2, true) & status, b.getUint16(2, true) & status);
  compare("x87 tags", a.getUint8(4), b.getUint8(4));
  const sticky = (words(before).getUint32(24, true) & MXCSR_CONTROL) === USUAL_MXCSR ? MXCSR_UNKEPT : 0;
  compare("mxcsr", a.getUint32(24, true) & ~sticky, b.getUint32(24, true) & ~sticky);
  for (let n = 0; n < 8; n++) {
    const [x, y] = [stackRegister(ours, n), stackRegister(theirs, n)];
    if (x !== y && !(inexact && isNeighbour(x, y))) compare(`st${n}`, x, y);
  }
  for (let n = 0; n < 16; n++) {
    const [x, y] = [ours, theirs].map((s) => s.fxsave.subarray(160 + n * 16, 176 + n * 16)) as [
      Uint8Array,
      Uint8Array,
    ];
    if (!sameBytes(x, y) && !(isEstimate(variant) && areClose(x, y))) compare(`xmm${n}`, hex(x), hex(y));
  }
}

const stackRegister = (state: { fxsave: Uint8Array }, n: number): string =>
  hex(state.fxsave.slice(32 + n * 16, 42 + n * 16).reverse());

/** Distance of neighbours with the same exponent, and of those around a power of two. */
const NEIGHBOURS = [1n, (1n << 63n) + 1n];

function isNeighbour(a: string, b: string): boolean {
  const distance = BigInt(`0x${a}`) - BigInt(`0x${b}`);
  return NEIGHBOURS.includes(distance < 0n ? -distance : distance);
}

/** A tiny result may be flushed. */
function areClose(ours: Uint8Array, theirs: Uint8Array): boolean {
  const b = new Float32Array(theirs.slice().buffer);
  return new Float32Array(ours.slice().buffer).every((x, i) => {
    const y = b[i] as number;
    const tiny = Math.max(Math.abs(x), Math.abs(y)) <= 2 ** -126;
    return Object.is(x, y) || tiny || Math.abs(x - y) <= Math.abs(y) * ESTIMATE_ERROR;
  });
}

/** General registers, flags and RIP, all of which have to be the same. */
export function stateDifferences(ours: CpuAnswer, theirs: CpuAnswer): string[] {
  const found: string[] = [];
  const compare = (name: string, a: bigint, b: bigint): void => {
    if (a !== b) found.push(`${name} ${a.toString(16)}, CPU ${b.toString(16)}`);
  };
  compare("vector", BigInt(ours.vector), BigInt(theirs.vector));
  compare("rip", ours.rip, theirs.rip);
  for (let n = 0; n < 16; n++)
    compare(REGISTERS[n] ?? `r${n}`, ours.gpr[n] as bigint, theirs.gpr[n] as bigint);
  compare("flags", ours.rflags & COMPARED_FLAGS, theirs.rflags & COMPARED_FLAGS);
  return found;
}

/** As `stateDifferences`, with memory, vector registers and what a fault tells. MXCSR's flags that are not always kept are not. */
export function programDifferences(ours: CpuAnswer, theirs: CpuAnswer): string[] {
  const found = stateDifferences(ours, theirs);
  const compare = (name: string, a: string, b: string): void => {
    if (a !== b) found.push(`${name} ${a}, CPU ${b}`);
  };
  const hidden = theirs.vector === PAGE_FAULT && theirs.cr2 >= TASK_END ? FAULT_PRESENT : 0;
  compare("error code", `${ours.errorCode | hidden}`, `${theirs.errorCode | hidden}`);
  if (theirs.vector === PAGE_FAULT) compare("cr2", ours.cr2.toString(16), theirs.cr2.toString(16));
  compare("memory", hex(ours.window), hex(theirs.window));
  const [a, b] = [words(ours), words(theirs)];
  const status = (state: DataView): string => (state.getUint32(24, true) & ~MXCSR_UNKEPT).toString(16);
  compare("mxcsr", status(a), status(b));
  for (let n = 0; n < 16; n++) {
    const register = (state: CpuAnswer): string => hex(state.fxsave.subarray(160 + n * 16, 176 + n * 16));
    compare(`xmm${n}`, register(ours), register(theirs));
  }
  return found;
}

/** The case in words, enough to make a named find of it. */
export function describe({ variant, before }: RandomCase, found: readonly string[]): string {
  return describeState(variant.name, before, found);
}

export function describeState(name: string, before: CpuCase, found: readonly string[]): string {
  const registers = Array.from(
    { length: 16 },
    (_, n) => [REGISTERS[n] ?? `r${n}`, before.gpr[n] as bigint] as const,
  )
    .filter(([, value]) => value !== 0n)
    .map(([name, value]) => `${name}=${value.toString(16)}`);
  const bases = [`fs=${(before.fsBase ?? 0n).toString(16)}`, `gs=${(before.gsBase ?? 0n).toString(16)}`];
  const state = `flags=${before.rflags.toString(16)} ${registers.join(" ")} ${bases.join(" ")}`;
  const memory = process.env["HEARTH_VERBOSE"]
    ? [`window ${hex(before.window)}`, `fxsave ${hex(before.fxsave)}`]
    : [];
  return [`${name}: ${hex(before.code)}`, ...found, state, ...memory].join("\n    ");
}
