// The decoder's tables, derived from the instruction forms and read by core/decode/decoder.ts.
//
//   u16 roots[4 maps][256 opcodes] │ u16 nodes… │ form records, 16 bytes each
//
// A reference is 0 (undefined instruction), 0x8000 | form number, or the index of a node. A node is its kind followed by one
// reference for each choice. The layout constants are shared with the core through ../layout-decoder.ts.

import type { Form, Operand } from "../isa/forms.ts";
import { hasModrm } from "../isa/forms.ts";
import * as L from "../layout-decoder.ts";
import type { HandlerTable, PlacedForm } from "./handlers.ts";

interface Discriminator {
  readonly kind: number;
  readonly choices: number;
  /** Which choices a form takes part in; undefined: all of them. */
  readonly pick: (form: Form) => readonly number[] | undefined;
}

const PREFIXES = ["np", "66", "f3", "f2"];
const DISCRIMINATORS: readonly Discriminator[] = [
  { kind: L.NODE_PREFIX, choices: 4, pick: (f) => (f.prefix ? [PREFIXES.indexOf(f.prefix)] : undefined) },
  { kind: L.NODE_REG, choices: 8, pick: (f) => regOf(f) },
  { kind: L.NODE_MOD, choices: 2, pick: (f) => modOf(f) },
  { kind: L.NODE_RM, choices: 8, pick: (f) => (f.modrm === undefined ? undefined : [f.modrm & 7]) },
  {
    kind: L.NODE_MODE,
    choices: 2,
    pick: (f) => (f.options.has("o64") ? [1] : f.options.has("i64") ? [0] : undefined),
  },
  {
    kind: L.NODE_W,
    choices: 2,
    pick: (f) => (f.options.has("w1") ? [1] : f.options.has("w0") ? [0] : undefined),
  },
];

function regOf(form: Form): readonly number[] | undefined {
  if (form.modrm !== undefined) return [(form.modrm >> 3) & 7];
  return form.reg === undefined ? undefined : [form.reg];
}

function modOf(form: Form): readonly number[] | undefined {
  if (form.modrm !== undefined) return [form.modrm >= 0xc0 ? 1 : 0];
  if (form.options.has("anymod")) return undefined;
  if (form.mod) return [form.mod === "r" ? 1 : 0];
  const kinds = form.operands.map((o) => o.kind);
  if (kinds.includes("memory")) return [0];
  if (kinds.includes("rmRegister") || kinds.includes("vectorRmRegister") || kinds.includes("mmxRmRegister"))
    return [1];
  return undefined;
}

/** How closely a form is specified: decides between a general form and an exception to it. */
function precision(form: Form): number {
  return DISCRIMINATORS.filter((d) => d.pick(form) !== undefined).length;
}

export function buildDecoderTables(handlers: HandlerTable): Uint8Array {
  const nodes: number[] = [0];
  const byOpcode = new Map<number, number[]>();
  handlers.forms.forEach(({ form }, index) => {
    if (form.options.has("pseudo")) return;
    for (let i = 0; i < (form.registerInOpcode ? 8 : 1); i++) {
      const key = form.map * 256 + form.opcode + i;
      byOpcode.set(key, [...(byOpcode.get(key) ?? []), index]);
    }
  });
  const build = (candidates: readonly number[], level: number): number => {
    if (candidates.length === 0) return 0;
    const d = DISCRIMINATORS[level];
    if (!d) return L.REF_FORM | mostPrecise(handlers, candidates);
    const formOf = (i: number): Form => (handlers.forms[i] as PlacedForm).form;
    if (candidates.every((i) => d.pick(formOf(i)) === undefined)) return build(candidates, level + 1);
    const at = nodes.length;
    nodes.push(d.kind, ...new Array<number>(d.choices).fill(0));
    for (let choice = 0; choice < d.choices; choice++) {
      const chosen = candidates.filter((i) => d.pick(formOf(i))?.includes(choice) ?? true);
      nodes[at + 1 + choice] = build(chosen, level + 1);
    }
    return at;
  };
  const roots = new Array<number>(1024).fill(0);
  for (const [key, candidates] of byOpcode) roots[key] = build(candidates, 0);
  return serialize(roots, nodes, handlers);
}

function mostPrecise(handlers: HandlerTable, candidates: readonly number[]): number {
  const ranked = candidates.toSorted(
    (x, y) =>
      precision((handlers.forms[y] as PlacedForm).form) - precision((handlers.forms[x] as PlacedForm).form),
  );
  const [first, second] = ranked.map((i) => (handlers.forms[i] as PlacedForm).form);
  if (first && second && precision(first) === precision(second))
    throw new Error(
      `forms "${first.mnemonic} ${first.text}" and "${second.mnemonic} ${second.text}" overlap`,
    );
  return ranked[0] as number;
}

function serialize(roots: readonly number[], nodes: readonly number[], handlers: HandlerTable): Uint8Array {
  if (nodes.length > L.MAX_NODES || handlers.forms.length > L.MAX_FORMS)
    throw new Error("decoder tables too large");
  const bytes = new Uint8Array(L.FORMS_OFFSET + handlers.forms.length * L.FORM_SIZE);
  const view = new DataView(bytes.buffer);
  roots.forEach((ref, i) => view.setUint16(i * 2, ref, true));
  nodes.forEach((ref, i) => view.setUint16(L.NODES_OFFSET + i * 2, ref, true));
  handlers.forms.forEach((placed, i) => writeForm(view, L.FORMS_OFFSET + i * L.FORM_SIZE, placed));
  return bytes;
}

function writeForm(view: DataView, at: number, { form, base, addressings }: PlacedForm): void {
  const registers = form.operands.filter((o) => registerClass(o) !== undefined);
  view.setUint16(at + L.FORM_BASE, base, true);
  view.setUint8(at + L.FORM_SIZE_RULE, sizeRule(form));
  view.setUint8(
    at + L.FORM_ADDRESSING,
    (addressings.includes("register") ? L.ADDRESSING_REGISTER : 0) |
      (addressings.includes("general") ? L.ADDRESSING_MEMORY : 0) |
      (addressings.includes("base") ? L.ADDRESSING_FAST : 0),
  );
  view.setUint8(at + L.FORM_IMMEDIATE, immediateKind(form));
  view.setUint8(at + L.FORM_A, registers[0] ? slotSpec(registers[0]) : 0);
  view.setUint8(at + L.FORM_B, registers[1] ? slotSpec(registers[1]) : 0);
  view.setUint16(at + L.FORM_FLAGS, flagsOf(form), true);
}

function sizeRule(form: Form): number {
  const sizes = form.operands.map((o) => o.size);
  if (form.options.has("f64")) return L.SIZE_FIXED_64;
  if (sizes.includes("v") || form.options.has("v"))
    return form.options.has("d64") ? L.SIZE_V_DEFAULT_64 : L.SIZE_V;
  if (sizes.includes("z") || form.options.has("z")) return L.SIZE_Z;
  return sizes.includes("y") || form.options.has("y") ? L.SIZE_Y : L.SIZE_FIXED;
}

function immediateKind(form: Form): number {
  const immediates = form.operands.filter((o) => o.kind === "immediate");
  const [first] = immediates;
  if (form.operands.some((o) => o.kind === "absolute")) return L.IMM_ABSOLUTE;
  const relative = form.operands.find((o) => o.kind === "relative");
  if (relative) return relative.size === 8 ? L.IMM_RELATIVE_8 : L.IMM_RELATIVE_Z;
  if (!first) return L.IMM_NONE;
  if (immediates.length === 2) return L.IMM_WORD_BYTE;
  if (first.signed) return L.IMM_BYTE_SIGNED;
  if (first.size === "none") return L.IMM_FAR;
  if (first.size === 8) return L.IMM_BYTE;
  if (first.size === 16) return L.IMM_WORD;
  return first.size === "v" ? L.IMM_FULL : L.IMM_Z;
}

function registerClass(o: Operand): number | undefined {
  switch (o.kind) {
    case "rm":
    case "reg":
    case "opcode":
    case "rmRegister":
      return o.size === 8 ? L.CLASS_GPR8 : L.CLASS_GPR;
    case "vectorReg":
    case "vectorRm":
    case "vectorRmRegister":
      return L.CLASS_XMM;
    case "mmxReg":
    case "mmxRm":
    case "mmxRmRegister":
      return L.CLASS_MMX;
    case "number":
      return L.CLASS_NUMBER;
    default:
      return undefined;
  }
}

function slotSpec(o: Operand): number {
  const fromReg = o.kind === "reg" || o.kind === "vectorReg" || o.kind === "mmxReg" || o.from === "reg";
  const fromOpcode = o.kind === "opcode" || o.from === "opcode";
  const source = fromOpcode ? L.FROM_OPCODE : fromReg ? L.FROM_REG : L.FROM_RM;
  return source | ((registerClass(o) as number) << 2);
}

const OPTION_FLAGS: Readonly<Record<string, number>> = {
  lock: L.FORM_LOCKABLE,
  end: L.FORM_ENDS_BLOCK,
  string: L.FORM_STRING,
  fpu: L.FORM_FPU,
  sse: L.FORM_SSE,
  shadow: L.FORM_SHADOW,
  stack: L.FORM_STACK,
};

function flagsOf(form: Form): number {
  let flags = hasModrm(form) ? L.FORM_HAS_MODRM : 0;
  for (const option of form.options) flags |= OPTION_FLAGS[option] ?? 0;
  if (form.operands.some((o) => o.kind.startsWith("vector"))) flags |= L.FORM_SSE;
  if (form.operands.some((o) => o.kind.startsWith("mmx"))) flags |= L.FORM_FPU;
  return flags;
}
