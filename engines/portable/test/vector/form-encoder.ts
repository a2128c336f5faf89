// A random instance of an instruction form, twice: as machine code for the oracle and as a micro-op for a handler.

import type { PlacedForm } from "../../src/decode/handlers.ts";
import type { Operand } from "../../src/isa/forms.ts";
import {
  CPU_FPR,
  CPU_XMM,
  CPU_ZERO,
  UOP_A,
  UOP_B,
  UOP_BASE,
  UOP_DISP,
  UOP_HANDLER,
  UOP_IMM,
  UOP_INDEX,
  UOP_LENGTH,
  UOP_SEGMENT,
  UOP_SIZE,
} from "../../src/layout.ts";
import type { Random } from "./random.ts";

const PREFIX_BYTE: Readonly<Record<string, number>> = { 66: 0x66, f3: 0xf3, f2: 0xf2 };
const IMMEDIATES = [0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 63, 64, 0x1b, 0xe4, 0xff, 0x80];

export interface EncodedForm {
  readonly code: Uint8Array;
  readonly uop: Uint8Array;
  /** General register holding the address, when the operand is in memory. */
  readonly baseRegister: number | undefined;
  readonly displacement: number;
  readonly description: string;
}

/** Registers and immediates are random; `sizeIndex` and `addressing` choose the handler. */
export function encodeForm(
  random: Random,
  placed: PlacedForm,
  sizeIndex: number,
  addressing: string,
): EncodedForm {
  const { form, sizes, addressings } = placed;
  const memory = addressing !== "register";
  const reg = form.reg ?? random.below(16);
  const base = random.pick([0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 14, 15]);
  const rm = memory ? base : random.below(16);
  const displacement = memory ? random.pick([0, 8, -32, 0x1234]) : 0;
  const size = sizes[sizeIndex] as number;
  const isV = form.operands.some((o) => o.size === "v");
  const isY = form.operands.some((o) => o.size === "y");
  const wide = form.options.has("w1") || ((isV || isY) && size === 64);
  const immediate = form.operands.some((o) => o.kind === "immediate")
    ? random.below(3) === 0
      ? random.below(256)
      : random.pick(IMMEDIATES)
    : undefined;

  const code: number[] = [];
  if (isV && size === 16) code.push(0x66);
  if (form.prefix && form.prefix !== "np") code.push(PREFIX_BYTE[form.prefix] as number);
  const rex = 0x40 | (wide ? 8 : 0) | (form.reg === undefined && reg & 8 ? 4 : 0) | (rm & 8 ? 1 : 0);
  if (rex !== 0x40 || form.operands.some((o) => o.size === 8 && o.kind === "rm")) code.push(rex);
  if (form.map > 0) code.push(0x0f);
  if (form.map > 1) code.push(form.map === 2 ? 0x38 : 0x3a);
  code.push(form.opcode);
  const hasModrm = form.operands.some((o) => o.kind !== "immediate") || form.reg !== undefined;
  if (hasModrm) {
    code.push((memory ? 0x80 : 0xc0) | ((reg & 7) << 3) | (rm & 7));
    if (memory) for (let i = 0; i < 4; i++) code.push((displacement >> (8 * i)) & 0xff);
  }
  if (immediate !== undefined) code.push(immediate);

  const uop = new Uint8Array(UOP_SIZE);
  const view = new DataView(uop.buffer);
  view.setUint32(
    UOP_HANDLER,
    placed.base + sizeIndex * addressings.length + addressings.indexOf(addressing as "register"),
    true,
  );
  const slots = form.operands.filter((o) => o.kind !== "immediate" && o.kind !== "memory");
  slots.forEach((o, i) => view.setUint16(i === 0 ? UOP_A : UOP_B, slotOf(o, reg, rm), true));
  view.setUint16(UOP_BASE, memory ? base * 8 : CPU_ZERO, true);
  view.setUint16(UOP_INDEX, CPU_ZERO, true);
  view.setUint16(UOP_SEGMENT, CPU_ZERO, true);
  view.setUint8(UOP_LENGTH, code.length);
  view.setInt32(UOP_DISP, displacement, true);
  view.setBigUint64(UOP_IMM, BigInt(immediate ?? 0), true);
  const description = `${form.mnemonic} ${form.text} [${addressing}, ${size}] code ${Buffer.from(code).toString("hex")}`;
  return {
    code: Uint8Array.from(code),
    uop,
    baseRegister: memory ? base : undefined,
    displacement,
    description,
  };
}

function slotOf(operand: Operand, reg: number, rm: number): number {
  switch (operand.kind) {
    case "vectorReg":
      return CPU_XMM + reg * 16;
    case "vectorRm":
    case "vectorRmRegister":
      return CPU_XMM + rm * 16;
    case "mmxReg":
      return CPU_FPR + (reg & 7) * 16;
    case "mmxRm":
    case "mmxRmRegister":
      return CPU_FPR + (rm & 7) * 16;
    case "reg":
      return reg * 8;
    default:
      return rm * 8;
  }
}
