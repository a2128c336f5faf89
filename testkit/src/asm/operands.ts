// Operands of the small assembler: registers, memory references, immediates and far pointers, in Intel syntax. Intel SDM
// volume 2, chapter 2, names them. Only what guests of tests need: no 16-bit base registers, no x87 register names.

export interface RegisterOperand {
  readonly kind: "register";
  readonly n: number;
  /** Bits. */
  readonly size: 8 | 16 | 32 | 64;
  /** SPL, BPL, SIL, DIL exist only with a REX prefix. */
  readonly needsRex: boolean;
}

export interface MemoryOperand {
  readonly kind: "memory";
  /** Bits, when the source says so. */
  readonly size: number | undefined;
  readonly base: number | undefined;
  readonly index: number | undefined;
  readonly scale: number;
  readonly displacement: bigint;
  /** A label took part: the displacement is always encoded in full, so that its value cannot change the length. */
  readonly hasLabel: boolean;
  readonly relative: boolean;
  readonly segment: number | undefined;
  /** Width of the address registers in bits; 0 when there are none. */
  readonly addressSize: 0 | 32 | 64;
}

export interface ImmediateOperand {
  readonly kind: "immediate";
  readonly value: bigint;
  readonly hasLabel: boolean;
}

export interface FarOperand {
  readonly kind: "far";
  readonly selector: bigint;
  readonly offset: bigint;
}

/** Segment, control, debug, SSE registers by number. */
export interface SpecialOperand {
  readonly kind: "segment" | "control" | "debug" | "xmm";
  readonly n: number;
}

export type Operand = RegisterOperand | MemoryOperand | ImmediateOperand | FarOperand | SpecialOperand;

/** Values of labels; undefined while the first pass does not know them. */
export type LabelLookup = (name: string) => bigint;

const NAMES_64 = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"];
const NAMES_8 = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"];
const NAMES_8_HIGH = ["ah", "ch", "dh", "bh"];
const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"];
const SIZES: Readonly<Record<string, number>> = { byte: 8, word: 16, dword: 32, qword: 64, oword: 128 };

const REGISTERS = nameRegisters();

function nameRegisters(): ReadonlyMap<string, RegisterOperand> {
  const names = new Map<string, RegisterOperand>();
  const add = (name: string, n: number, size: 8 | 16 | 32 | 64, needsRex = false): void => {
    names.set(name, { kind: "register", n, size, needsRex });
  };
  NAMES_64.forEach((name, n) => {
    add(name, n, 64);
    add(`e${name.slice(1)}`, n, 32);
    add(name.slice(1), n, 16);
    add(NAMES_8[n] as string, n, 8, n >= 4);
  });
  NAMES_8_HIGH.forEach((name, n) => add(name, n + 4, 8));
  for (let n = 8; n < 16; n++) {
    add(`r${n}`, n, 64);
    add(`r${n}d`, n, 32);
    add(`r${n}w`, n, 16);
    add(`r${n}b`, n, 8, true);
  }
  return names;
}

/** Parses one operand; throws an Error that says what is wrong with it. */
export function parseOperand(text: string, label: LabelLookup): Operand {
  const register = REGISTERS.get(text) ?? parseSpecial(text);
  if (register) return register;
  const memory = /^(?:(\w+) +)?\[(.*)\]$/.exec(text);
  if (memory) return parseMemory(memory[1], memory[2] as string, label);
  const far = /^(\w+):(.+)$/.exec(text);
  if (far) {
    const selector = evaluate(far[1] as string, label).value;
    return { kind: "far", selector, offset: evaluate(far[2] as string, label).value };
  }
  return { kind: "immediate", ...evaluate(text, label) };
}

function parseSpecial(text: string): SpecialOperand | undefined {
  const segment = SEGMENTS.indexOf(text);
  if (segment >= 0) return { kind: "segment", n: segment };
  const match = /^(cr|dr|xmm)(\d+)$/.exec(text);
  if (!match) return undefined;
  const kind = match[1] === "cr" ? "control" : match[1] === "dr" ? "debug" : "xmm";
  return { kind, n: Number(match[2]) };
}

/** A sum of numbers and labels. */
export function evaluate(text: string, label: LabelLookup): { value: bigint; hasLabel: boolean } {
  let value = 0n;
  let hasLabel = false;
  for (const { sign, term } of termsOf(text)) {
    const isNumber = /^\d/.test(term);
    if (!isNumber) hasLabel = true;
    value += sign * (isNumber ? BigInt(term.replaceAll("_", "")) : label(term));
  }
  return { value, hasLabel };
}

function termsOf(text: string): { sign: bigint; term: string }[] {
  const terms = text.replaceAll(" ", "").match(/[+-]?[^+-]+/g);
  if (!terms) throw new Error(`empty expression in "${text}"`);
  return terms.map((term) => ({ sign: term.startsWith("-") ? -1n : 1n, term: term.replace(/^[+-]/, "") }));
}

function parseMemory(sizeName: string | undefined, inside: string, label: LabelLookup): MemoryOperand {
  const size = sizeName === undefined ? undefined : SIZES[sizeName];
  if (sizeName !== undefined && size === undefined) throw new Error(`unknown size "${sizeName}"`);
  const segmented = /^(\w\w):(.*)$/.exec(inside);
  const segment = segmented ? SEGMENTS.indexOf(segmented[1] as string) : undefined;
  const body = (segmented?.[2] ?? inside).trim();
  const relative = body.startsWith("rel ");
  const reference = gatherTerms(relative ? body.slice(4) : body, label);
  return { kind: "memory", size, segment, relative, ...reference };
}

type Reference = Pick<
  MemoryOperand,
  "base" | "index" | "scale" | "displacement" | "hasLabel" | "addressSize"
>;

function gatherTerms(text: string, label: LabelLookup): Reference {
  let base: number | undefined;
  let index: number | undefined;
  let scale = 1;
  let addressSize: 0 | 32 | 64 = 0;
  const constants: string[] = [];
  for (const { sign, term } of termsOf(text)) {
    const [name = "", factor] = term.split("*");
    const register = REGISTERS.get(name);
    if (!register) {
      constants.push(`${sign < 0n ? "-" : "+"}${term}`);
      continue;
    }
    addressSize = register.size === 32 ? 32 : 64;
    if (factor !== undefined || base !== undefined) {
      index = register.n;
      scale = Number(factor ?? 1);
    } else base = register.n;
  }
  const constant =
    constants.length > 0 ? evaluate(constants.join(""), label) : { value: 0n, hasLabel: false };
  return { base, index, scale, addressSize, displacement: constant.value, hasLabel: constant.hasLabel };
}
