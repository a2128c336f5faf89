// Machine code for a random instance of an instruction form.

import type { Form, Operand } from "../../src/isa/forms.ts";
import { hasModrm } from "../../src/isa/forms.ts";
import type { Size } from "../../src/isa/lowering.ts";
import type { Random } from "./random.ts";

const PREFIX_BYTE: Readonly<Record<string, number>> = { 66: 0x66, f3: 0xf3, f2: 0xf2 };
const IMMEDIATES = [0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 63, 64, 0x1b, 0xe4, 0xff, 0x80];
/** Registers that need no SIB byte as a base. */
const BASES = [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 14, 15];

export interface EncodedForm {
  readonly code: Uint8Array;
  /** Where the operand in memory is: base + index * scale + displacement. */
  readonly memory:
    | {
        readonly base: number;
        readonly index?: number;
        readonly scale: number;
        readonly displacement: number;
      }
    | undefined;
}

type Memory = NonNullable<EncodedForm["memory"]>;

function randomMemory(random: Random): Memory {
  const displacement = random.pick([0, 8, -32, 0x1234]);
  const base = random.pick(BASES);
  if (random.below(2) === 0) return { base, scale: 1, displacement };
  const index = random.pick(BASES.filter((n) => n !== base));
  return { base, index, scale: 1 << random.below(4), displacement };
}

/** ModRM, SIB and displacement; the REX bits they need are in the result too. */
function encodeAddress(
  reg: number,
  { base, index, scale, displacement }: Memory,
): { rex: number; bytes: number[] } {
  const tail = [0, 8, 16, 24].map((shift) => (displacement >> shift) & 0xff);
  if (index === undefined) return { rex: base >> 3, bytes: [0x80 | ((reg & 7) << 3) | (base & 7), ...tail] };
  const sib = (Math.log2(scale) << 6) | ((index & 7) << 3) | (base & 7);
  return { rex: (base >> 3) | ((index >> 3) << 1), bytes: [0x84 | ((reg & 7) << 3), sib, ...tail] };
}

const isMemoryOperand = (o: Operand): boolean => o.kind === "memory";

/** Registers, addresses and immediates are random; `size` is one of the form's sizes. */
export function encodeForm(random: Random, form: Form, size: Size, inMemory: boolean): EncodedForm {
  const sized = form.operands.some((o) => o.size === "v" || o.size === "y");
  const wide = form.options.has("w1") || (sized && size === 64);
  const narrow = form.operands.some((o) => o.size === "v") && size === 16;
  const byteRegister = form.operands.some(
    (o) => o.size === 8 && !isMemoryOperand(o) && o.kind !== "immediate",
  );
  const reg = form.reg ?? random.below(16);
  const rm = random.below(16);
  const memory = inMemory ? randomMemory(random) : undefined;
  const operand = memory
    ? encodeAddress(reg, memory)
    : { rex: rm >> 3, bytes: [0xc0 | ((reg & 7) << 3) | (rm & 7)] };
  const rex = 0x40 | (wide ? 8 : 0) | (form.reg === undefined ? (reg >> 3) << 2 : 0) | operand.rex;
  const code: number[] = narrow ? [0x66] : [];
  if (form.prefix && form.prefix !== "np") code.push(PREFIX_BYTE[form.prefix] as number);
  if (rex !== 0x40 || byteRegister) code.push(rex);
  code.push(...([[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]] as const)[form.map], form.opcode);
  if (hasModrm(form)) code.push(...operand.bytes);
  if (form.operands.some((o) => o.kind === "immediate"))
    code.push(random.below(3) === 0 ? random.below(256) : random.pick(IMMEDIATES));
  return { code: Uint8Array.from(code), memory };
}
