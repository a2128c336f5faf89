// A test case in the making: the form, what was decided about it, and the state it will run in. Parts of the machine code are
// kept apart until all of them are known, since a RIP-relative displacement counts from the end of the instruction.

import type { PlacedForm } from "../../src/decode/handlers.ts";
import type { Form } from "../../src/isa/forms.ts";
import type { Size } from "../../src/isa/lowering.ts";
import { blankCase, type CpuCase, ORACLE_CODE, ORACLE_DATA, ORACLE_WINDOW } from "../oracle.ts";
import type { Random } from "../vector/random.ts";

/** Code segment the case runs in: 64-bit mode or compatibility mode. */
export type CodeBits = 32 | 64;

export interface Draft {
  readonly random: Random;
  readonly form: Form;
  readonly bits: CodeBits;
  readonly size: Size;
  readonly inMemory: boolean;
  readonly before: Writable<CpuCase>;
  /** Registers whose values the situation needs. */
  readonly reserved: Set<number>;
  /** Linear address of the memory operand. */
  target: bigint;
  addressBits: 16 | 32 | 64;
  readonly prefixes: number[];
  /** W, R, X, B in bits 3 to 0. */
  rex: number;
  forceRex: boolean;
  /** ModRM, SIB and displacement. */
  readonly modrm: number[];
  /** The last four bytes of `modrm` are to lead to this address. */
  ripTarget: bigint | undefined;
  readonly immediate: number[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export function newDraft(
  random: Random,
  { form }: PlacedForm,
  bits: CodeBits,
  size: Size,
  inMemory: boolean,
): Draft {
  return {
    random,
    form,
    bits,
    size,
    inMemory,
    before: { ...blankCase(new Uint8Array(0)), bits },
    reserved: new Set(),
    target: 0n,
    addressBits: bits,
    prefixes: [],
    rex: 0,
    forceRex: false,
    modrm: [],
    ripTarget: undefined,
    immediate: [],
  };
}

/** Sets a register; in compatibility mode only its low half exists. */
export function setRegister(draft: Draft, number: number, value: bigint): void {
  draft.before.gpr[number] = BigInt.asUintN(draft.bits, value);
}

/** Writes bytes of the window at a linear address; what is outside of it stays zero. */
export function poke(draft: Draft, address: bigint, value: bigint, bytes: number): void {
  const at = Number(address - ORACLE_WINDOW);
  if (at < 0 || at + bytes > draft.before.window.length) return;
  for (let i = 0; i < bytes; i++)
    draft.before.window[at + i] = Number(BigInt.asUintN(8, value >> BigInt(8 * i)));
}

const SPECIAL = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
].concat([
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
]);

/** A value that is likely to be at some border. */
export function interestingValue(random: Random): bigint {
  const kind = random.below(8);
  if (kind < 3) return random.u64();
  if (kind === 3) return BigInt(random.below(256));
  if (kind === 4) return random.u64() >> BigInt(random.below(64));
  if (kind === 5) return BigInt.asUintN(64, -BigInt(random.below(256)));
  const value = random.pick(SPECIAL);
  return kind === 6 ? value : BigInt.asUintN(64, value + BigInt(random.below(5)) - 2n);
}

const PAGE_BORDER = ORACLE_DATA + 0x1000n;

/** An address for data: mostly in the window and often across its page border, seldom where nothing is. */
export function dataAddress({ random, bits }: Draft): bigint {
  const kind = random.below(32);
  if (kind < 18) return ORACLE_WINDOW + BigInt(random.below(15) * 16);
  if (kind < 25) return ORACLE_WINDOW + BigInt(random.below(240));
  if (kind < 28) return PAGE_BORDER - BigInt(random.below(20));
  if (kind === 28) return ORACLE_DATA + 0x2000n - BigInt(random.below(20));
  if (kind === 29) return ORACLE_DATA - BigInt(random.below(20));
  if (bits === 32) return BigInt(random.below(0x1_0000));
  if (kind === 30) return random.pick([0x8000_0000_0000n, 0x1234_5678_9abc_def0n, 0xffff_7fff_ffff_fff8n]);
  return random.pick([BigInt(random.below(0x1_0000)), 0xffff_8000_0000_0000n | (random.u64() >> 24n)]);
}

/** An address to go to: mostly where the code's page is full of INT3. */
export function codeAddress({ random, bits }: Draft): bigint {
  if (random.below(8) !== 0) return ORACLE_CODE + 0x60n + BigInt(random.below(0x700));
  const wide = [0x8000_0000_0000n, 0xdead_beef_0000_1234n, 0xffff_8000_0000_1000n];
  return random.pick([0n, 0x1_0000n, ORACLE_WINDOW, ...(bits === 64 ? wide : [])]);
}
