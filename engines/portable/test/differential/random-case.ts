// A random case for an instruction form: what there is of sizes, ways of addressing and modes, each with a state of its own.

import { layOutHandlers, type PlacedForm } from "../../src/decode/handlers.ts";
import type { Form } from "../../src/isa/forms.ts";
import type { Size } from "../../src/isa/lowering.ts";
import type { CpuCase } from "../oracle.ts";
import type { Random } from "../vector/random.ts";
import { type CodeBits, newDraft } from "./draft.ts";
import { encodeForm } from "./encode-form.ts";
import { exclusionOf } from "./exclusions.ts";
import { finishState, prepareState } from "./situations.ts";

/** A form in one of its operand sizes and modes, with the operand in memory or in a register. */
export interface Variant {
  readonly placed: PlacedForm;
  readonly form: Form;
  readonly bits: CodeBits;
  readonly size: Size;
  readonly inMemory: boolean;
  readonly name: string;
}

export interface RandomCase {
  readonly variant: Variant;
  readonly before: CpuCase;
}

/** Every variant that can be compared with the host's CPU. */
export function allVariants(): Variant[] {
  return layOutHandlers().forms.flatMap((placed) =>
    ([64, 32] as const).flatMap((bits) =>
      placed.sizes
        .filter((size) => exclusionOf(placed.form, bits, size) === undefined)
        .flatMap((size) => waysOf(placed).map((inMemory) => variantOf(placed, bits, size, inMemory))),
    ),
  );
}

function waysOf({ addressings }: PlacedForm): boolean[] {
  const ways = [];
  if (addressings.includes("register")) ways.push(false);
  if (addressings.includes("general")) ways.push(true);
  return ways;
}

function variantOf(placed: PlacedForm, bits: CodeBits, size: Size, inMemory: boolean): Variant {
  const { form } = placed;
  const name = `${form.mnemonic} ${form.text} [${size}, ${inMemory ? "memory" : "register"}, ${bits}-bit code]`;
  return { placed, form, bits, size, inMemory, name };
}

export function randomCase(random: Random, variant: Variant): RandomCase {
  const draft = newDraft(random, variant.placed, variant.bits, variant.size, variant.inMemory);
  prepareState(draft);
  encodeForm(draft);
  finishState(draft);
  return { variant, before: draft.before };
}
