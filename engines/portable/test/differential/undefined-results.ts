// What the manuals leave undefined, or this engine leaves out on purpose, and so is not compared.

import { cpus } from "node:os";
import type { Form } from "../../src/isa/forms.ts";
import type { Size } from "../../src/isa/lowering.ts";
import type { CpuAnswer, CpuCase } from "../oracle.ts";
import type { Variant } from "./random-case.ts";

const CF = 0x1n;
const PF = 0x4n;
const AF = 0x10n;
const ZF = 0x40n;
const SF = 0x80n;
const OF = 0x800n;

/** Flags by mnemonic; SDM volume 2, "Flags Affected". */
const UNDEFINED_FLAGS: readonly (readonly [RegExp, bigint])[] = [
  [/^(sh[lr]|sar)$/, AF],
  [/^sh[lr]d$/, AF],
  [/^i?mul$/, SF | ZF | AF | PF],
  [/^i?div$/, CF | OF | SF | ZF | AF | PF],
  [/^bs[fr]$/, CF | OF | SF | AF | PF],
  [/^(aaa|aas)$/, OF | SF | ZF | PF],
  [/^(daa|das)$/, OF],
  [/^(aam|aad)$/, OF | AF | CF],
];
/** Flags that are undefined too, but which the engine gives as AMD's processors do. */
const AS_ON_AMD: typeof UNDEFINED_FLAGS = [
  [/^(and|or|xor|test)$/, AF],
  [/^bt[src]?$/, OF | SF | AF | PF],
];
/** OF is undefined for counts other than 1. */
const COUNTED = /^(rc[lr]|sh[lr]d)$/;
const COUNTED_AS_ON_AMD = /^(ro[lr]|sh[lr]|sar)$/;
const HOST_IS_AMD = cpus()[0]?.model.includes("AMD") ?? false;

/** All of RFLAGS but RF, which says more about the host's debugger. */
export const COMPARED_FLAGS = 0x3e_ffffn;

/** RFLAGS bits that mean something after this case. */
export function comparedFlags({ form, size }: Variant, before: CpuCase): bigint {
  let mask = COMPARED_FLAGS;
  for (const [mnemonic, flags] of UNDEFINED_FLAGS) if (mnemonic.test(form.mnemonic)) mask &= ~flags;
  const counted = COUNTED.test(form.mnemonic) || (!HOST_IS_AMD && COUNTED_AS_ON_AMD.test(form.mnemonic));
  if (counted && countOf(form, size, before) !== 1) mask &= ~OF;
  if (HOST_IS_AMD) return mask;
  for (const [mnemonic, flags] of AS_ON_AMD) if (mnemonic.test(form.mnemonic)) mask &= ~flags;
  return mask;
}

/** The count of a shift: an immediate is the last byte of the code. */
function countOf(form: Form, size: Size, before: CpuCase): number {
  const mask = size === 64 ? 63 : 31;
  const operand = form.operands.at(-1);
  if (operand?.kind === "immediate") return (before.code.at(-1) as number) & mask;
  return operand?.kind === "fixed" ? Number((before.gpr[1] as bigint) & BigInt(mask)) : 1;
}

/** Images of the x87: opcode and selectors of the last instruction are not kept, and processors differ in the pointers. */
const STORED_IMAGES = /^(fn(stenv|save)|fxsave)$/;
const FRAMES = /^(iret|ret far)$/;
const IMAGES = /^(fn?(stenv|save|ldenv|rstor)|fx(save|rstor))$/;

/** Saved state or a frame of many words, which a page's border may cut. */
export function isImage({ form }: Variant): boolean {
  return FRAMES.test(form.mnemonic) || IMAGES.test(form.mnemonic);
}

export function memoryIsCompared({ form }: Variant): boolean {
  return !STORED_IMAGES.test(form.mnemonic);
}

const TOP = 0xffff_ff00n;

/** Segment limits are not checked: an operand that wraps at 4 GiB in compatibility mode is a page fault here. */
export function isLimitFault({ bits }: Variant, ours: CpuAnswer, theirs: CpuAnswer): boolean {
  const limit = theirs.vector === 12 || theirs.vector === 13;
  return bits === 32 && limit && ours.vector === 14 && (ours.cr2 >= TOP || ours.cr2 < 0x100n);
}

/** An image that is not aligned and at a non-canonical address of the stack: either may be found first. */
export function isDoublyWrong(variant: Variant, ours: CpuAnswer, theirs: CpuAnswer): boolean {
  return isImage(variant) && ours.vector === 13 && theirs.vector === 12;
}

/** Within one unit of the last place: the transcendental functions. */
const INEXACT = new Set([0xf0, 0xf1, 0xf2, 0xf3, 0xf9, 0xfb, 0xfe, 0xff]);

export function isInexact({ form }: Variant): boolean {
  return form.opcode === 0xd9 && INEXACT.has(form.modrm ?? 0);
}

/** Reciprocals, whose precision belongs to the implementation. */
export function isEstimate({ form }: Variant): boolean {
  return /^r(cp|sqrt)[ps]s$/.test(form.mnemonic);
}
