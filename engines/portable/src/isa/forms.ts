// The notation of instruction forms, close to the opcode map of the manual (Intel SDM volume 2, appendix A):
//
//   "[prefix] opcode bytes[/reg][m|r] [operands] [options]"      for example  "66 0f 6f Vx,Wx"   "80/0 Eb,Ib lock"
//
//   prefix    np 66 f3 f2: mandatory prefix (np: none of them)
//   /reg      the opcode extension in ModRM.reg;  m, r: only with a memory, only with a register operand
//   =xx       exactly this ModRM byte
//   +r        the register is in the low three bits of the opcode
// Operands: E G (general, ModRM.rm and .reg), Z (register in the opcode), R (general, register form only), M (memory only),
//   V W U (vector: .reg, .rm, .rm register only), P Q N (MMX likewise), I (immediate), J (relative), O (absolute address),
//   S C D (segment, control, debug register number), T (x87 stack register number), AL CL DX rAX … (fixed register);
//   followed by the size: b w d q, v (16/32/64), z (16/32), y (32/64), x (128), p (none: address only), bs (byte, sign-extended).
// Options: o64 / i64 (only in / not in 64-bit mode), d64 (64 bits by default there), f64 (always 64 bits there), lock (may be
//   locked), end (ends a block), fpu, sse, string, ea (one handler for all addressing forms), stack (uses the stack besides its
//   operands), shadow (interrupts are held off for one instruction), anymod (ModRM.mod means nothing), w0, w1 (REX.W), and
//   b v z y: the operand size of a form whose operands do not tell it

import type { Size } from "./lowering.ts";

export type OperandKind =
  | "rm"
  | "reg"
  | "opcode"
  | "memory"
  | "rmRegister"
  | "vectorReg"
  | "vectorRm"
  | "vectorRmRegister"
  | "mmxReg"
  | "mmxRm"
  | "mmxRmRegister"
  | "immediate"
  | "relative"
  | "absolute"
  | "number"
  | "fixed";

export interface Operand {
  readonly kind: OperandKind;
  /** "v", "z" and "y" depend on the operand size of the instance. */
  readonly size: Size | "v" | "z" | "y" | "none";
  /** Register number of a fixed operand, or where a "number" comes from. */
  readonly register?: number;
  readonly from?: "reg" | "rm" | "opcode";
  readonly signed?: boolean;
}

export type Prefix = "np" | "66" | "f3" | "f2";

export interface Form {
  readonly text: string;
  readonly mnemonic: string;
  readonly prefix: Prefix | undefined;
  /** 0: one byte, 1: 0f, 2: 0f 38, 3: 0f 3a. */
  readonly map: 0 | 1 | 2 | 3;
  readonly opcode: number;
  readonly registerInOpcode: boolean;
  readonly reg: number | undefined;
  readonly mod: "m" | "r" | undefined;
  readonly modrm: number | undefined;
  readonly operands: readonly Operand[];
  readonly options: ReadonlySet<string>;
}

const KINDS: Readonly<Record<string, OperandKind>> = {
  E: "rm",
  G: "reg",
  Z: "opcode",
  R: "rmRegister",
  M: "memory",
  V: "vectorReg",
  W: "vectorRm",
  U: "vectorRmRegister",
  P: "mmxReg",
  Q: "mmxRm",
  N: "mmxRmRegister",
  I: "immediate",
  J: "relative",
  O: "absolute",
};
const SIZES: Readonly<Record<string, Operand["size"]>> = {
  b: 8,
  w: 16,
  d: 32,
  q: 64,
  x: 128,
  v: "v",
  z: "z",
  y: "y",
  p: "none",
  bs: "v",
};
const FIXED: Readonly<Record<string, readonly [number, Operand["size"]]>> = {
  AL: [0, 8],
  CL: [1, 8],
  AX: [0, 16],
  DX: [2, 16],
  rAX: [0, "v"],
  zAX: [0, "z"],
  rDX: [2, "v"],
};
const NUMBERS: Readonly<Record<string, "reg" | "rm" | "opcode">> = { S: "reg", C: "reg", D: "reg", T: "rm" };

function parseOperand(text: string): Operand {
  const fixed = FIXED[text];
  if (fixed) return { kind: "fixed", register: fixed[0], size: fixed[1] };
  const letter = text[0] as string;
  const number = NUMBERS[letter];
  if (number) return { kind: "number", size: "none", from: number };
  const kind = KINDS[letter];
  const size = SIZES[text.slice(1)];
  if (kind === undefined || size === undefined) throw new Error(`operand "${text}" is not in the notation`);
  return text.endsWith("bs") ? { kind, size, signed: true } : { kind, size };
}

/** Parses one form; throws on anything outside the notation (the tables are ours, so that is a bug). */
export function parseForm(mnemonic: string, text: string): Form {
  const words = text.split(/\s+/);
  const prefix =
    /^(np|66|f3|f2)$/.test(words[0] as string) && words.length > 1 && /^[0-9a-f]{2}/.test(words[1] as string)
      ? (words.shift() as Prefix)
      : undefined;
  const bytes: number[] = [];
  let reg: number | undefined;
  let mod: "m" | "r" | undefined;
  let modrm: number | undefined;
  let registerInOpcode = false;
  while (words.length > 0) {
    const match = /^([0-9a-f]{2})(?:\/([0-7]))?([mr])?(\+r)?(?:=([0-9a-f]{2}))?$/.exec(words[0] as string);
    if (!match) break;
    words.shift();
    bytes.push(Number.parseInt(match[1] as string, 16));
    if (match[2]) reg = Number(match[2]);
    if (match[3]) mod = match[3] as "m" | "r";
    if (match[4]) registerInOpcode = true;
    if (match[5]) modrm = Number.parseInt(match[5], 16);
  }
  const operandText =
    words.length > 0 && /^[A-Zr z]/.test(words[0] as string) && /[A-Z]/.test(words[0] as string)
      ? words.shift()
      : undefined;
  const map =
    bytes[0] !== 0x0f || bytes.length === 1
      ? 0
      : bytes[1] === 0x38 && bytes.length > 2
        ? 2
        : bytes[1] === 0x3a && bytes.length > 2
          ? 3
          : 1;
  return {
    text,
    mnemonic,
    prefix,
    map,
    opcode: bytes.at(-1) as number,
    registerInOpcode,
    reg,
    mod,
    modrm,
    operands: operandText ? operandText.split(",").map(parseOperand) : [],
    options: new Set(words),
  };
}

const MODRM_KINDS = new Set<OperandKind>([
  "rm",
  "reg",
  "rmRegister",
  "memory",
  "vectorReg",
  "vectorRm",
  "vectorRmRegister",
  "mmxReg",
  "mmxRm",
  "mmxRmRegister",
]);

export function hasModrm(form: Form): boolean {
  return (
    form.reg !== undefined ||
    form.mod !== undefined ||
    form.modrm !== undefined ||
    form.operands.some((o) => MODRM_KINDS.has(o.kind) || (o.kind === "number" && o.from !== "opcode"))
  );
}

/** Operand sizes this form comes in, in the order its handlers are laid out. */
export function sizesOf(form: Form): readonly Size[] {
  const sizes = form.operands.map((o) => o.size);
  if (sizes.includes("v") || form.options.has("v")) {
    return form.options.has("f64") ? [64] : [16, 32, 64];
  }
  if (sizes.includes("z") || form.options.has("z")) return [16, 32];
  if (sizes.includes("y") || form.options.has("y")) return [32, 64];
  if (form.options.has("b")) return [8];
  const fixed = sizes.find((s): s is Size => typeof s === "number");
  return [fixed ?? 32];
}

export type Addressing = "register" | "base" | "indexed" | "general";

/** Which addressing variants a form has, in handler order. */
export function addressingsOf(form: Form): readonly Addressing[] {
  const rm = form.operands.find((o) => o.kind === "rm" || o.kind === "vectorRm" || o.kind === "mmxRm");
  const memoryOnly = form.operands.some((o) => o.kind === "memory");
  const memory: readonly Addressing[] = form.options.has("ea") ? ["general"] : ["base", "indexed", "general"];
  if (memoryOnly) return memory;
  if (!rm) return ["register"];
  if (form.mod === "m") return memory;
  if (form.mod === "r") return ["register"];
  return ["register", ...memory];
}
