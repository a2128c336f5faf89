// Several instructions in a row: what one leaves behind for the next, above all the flags, which are kept lazily, and jumps
// between blocks. Only instructions whose results are defined altogether, on registers.

import { blankCase, type CpuCase } from "../oracle.ts";
import type { Random } from "../vector/random.ts";
import { type CodeBits, interestingValue, newDraft } from "./draft.ts";
import { encodeForm } from "./encode-form.ts";
import { allVariants, type Variant } from "./random-case.ts";

const FLAG_TF = 0x100n;
const MAX_INSTRUCTIONS = 8;
const ROTATE_BY_ONE = /^d[01]\/[0-3]/;
const DEFINED =
  /^(add|or|adc|sbb|and|sub|xor|cmp|test|inc|dec|not|neg|xadd|cmpxchg|mov|movzx|movsx|movsxd|lea|xchg|cmov.*|set.*|cbw.*|cwd.*|lahf|sahf|clc|stc|cmc|cld|std|salc|popcnt|bt[src]?)$/;
const BRANCH = /^(j(?!mp|cxz).*|loop.*|jcxz)$/;

/** The instructions sequences are made of, by mode. */
export function sequenceVariants(bits: CodeBits): { plain: Variant[]; branches: Variant[] } {
  const inRegisters = allVariants().filter((v) => v.bits === bits && !v.inMemory);
  const withAbsolute = (v: Variant): boolean => v.form.operands.some((o) => o.kind === "absolute");
  return {
    plain: inRegisters.filter(
      ({ form, ...v }) =>
        (DEFINED.test(form.mnemonic) && !withAbsolute({ form, ...v })) ||
        (/^(ro|rc)[lr]$/.test(form.mnemonic) && ROTATE_BY_ONE.test(form.text)),
    ),
    branches: inRegisters.filter((v) => BRANCH.test(v.form.mnemonic) && v.size === 32 && v.form.map === 0),
  };
}

function encode(random: Random, variant: Variant): Uint8Array {
  const draft = newDraft(random, variant.placed, variant.bits, variant.size, false);
  encodeForm(draft);
  return draft.before.code;
}

/** A sequence from a random state; branches jump over the next instruction or go to it. */
export function randomSequence(
  random: Random,
  bits: CodeBits,
  { plain, branches }: ReturnType<typeof sequenceVariants>,
): { readonly before: CpuCase; readonly names: string[] } {
  const code: number[] = [];
  const names: string[] = [];
  const count = 2 + random.below(MAX_INSTRUCTIONS - 1);
  for (let i = 0; i < count; i++) {
    const next = random.pick(plain);
    const bytes = encode(random, next);
    if (random.below(4) === 0) {
      const branch = random.pick(branches);
      code.push(branch.form.opcode, bytes.length);
      names.push(branch.form.mnemonic);
    }
    code.push(...bytes);
    names.push(next.form.mnemonic);
  }
  const before: CpuCase = { ...blankCase(Uint8Array.from(code)), bits };
  for (let n = 0; n < (bits === 64 ? 16 : 8); n++)
    before.gpr[n] = BigInt.asUintN(bits, interestingValue(random));
  before.rflags = 0x202n | (random.u64() & 0x8d5n) | (random.below(30) ? 0n : FLAG_TF);
  return { before, names };
}
