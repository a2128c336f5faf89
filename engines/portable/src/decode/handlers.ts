// Numbers for handlers. Every form gets a run of table slots: operand sizes outermost, ways of addressing inside, so that
// the decoder finds a handler as  base + size index × addressings + addressing index.

import { parseForm, addressingsOf, sizesOf, type Addressing, type Form } from "../isa/forms.ts";
import { INSTRUCTIONS } from "../isa/index.ts";
import type { Instruction, Size } from "../isa/lowering.ts";

export interface HandlerEntry {
  readonly instruction: Instruction;
  readonly form: Form;
  readonly size: Size;
  readonly addressing: Addressing;
}

export interface PlacedForm {
  readonly form: Form;
  readonly base: number;
  readonly sizes: readonly Size[];
  readonly addressings: readonly Addressing[];
}

export interface HandlerTable {
  readonly entries: readonly HandlerEntry[];
  readonly forms: readonly PlacedForm[];
}

export function layOutHandlers(instructions: readonly Instruction[] = INSTRUCTIONS): HandlerTable {
  const entries: HandlerEntry[] = [];
  const forms: PlacedForm[] = [];
  for (const instruction of instructions) {
    for (const text of instruction.forms) {
      const form = parseForm(instruction.mnemonic, text);
      const sizes = sizesOf(form);
      const addressings = addressingsOf(form);
      forms.push({ form, base: entries.length, sizes, addressings });
      for (const size of sizes)
        for (const addressing of addressings) entries.push({ instruction, form, size, addressing });
    }
  }
  return { entries, forms };
}
