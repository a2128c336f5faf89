// A random instance of an instruction form as machine code: operand size, prefixes, registers, memory operand, immediates.

import { type Form, hasModrm, type Operand } from "../../src/isa/forms.ts";
import { ORACLE_CODE } from "../oracle.ts";
import { type Draft, interestingValue, setRegister } from "./draft.ts";
import { sizeIsChosen } from "./exclusions.ts";
import { chooseAddressSize, chooseSegment, encodeMemory, IGNORED_SEGMENTS } from "./memory-operand.ts";

const RSI = 6;
const OPERAND_SIZE = 0x66;
const LOCK = 0xf0;
/** LOCK MOV CR0 is MOV CR8 on some processors, and some take LOCK VERW as VERW. */
const LOCK_DIFFERS = /^(mov cr|ver[rw])$/;
const REX_W = 8;
const REX_R = 4;
const REX_B = 1;
const MANDATORY: Readonly<Record<string, number>> = { 66: 0x66, f3: 0xf3, f2: 0xf2 };
/** LOOPNE and LOOPE take the condition from a repeat prefix on AMD's processors, and NOP becomes PAUSE. */
const REPEAT_MATTERS = new Set([0x90, 0xe0, 0xe1]);
const REPEATS = [0xf3, 0xf2];
/** INT 80h is the host's system call. */
const SYSTEM_CALL = 0x80;

/** Completes the draft's encoding and puts the code into its state. */
export function encodeForm(draft: Draft): void {
  chooseSize(draft);
  choosePrefixes(draft);
  const opcodeRegister = chooseOperands(draft);
  for (const operand of draft.form.operands) encodeImmediate(draft, operand);
  draft.before.code = assemble(draft, opcodeRegister);
}

function chooseSize(draft: Draft): void {
  const { form, bits, size, random } = draft;
  if (!sizeIsChosen(form)) {
    // A size that is not chosen cannot be changed either.
    const free =
      !form.options.has("w0") && !form.options.has("w1") && form.map === 0 && form.mod === undefined;
    if (form.options.has("w1")) draft.rex |= REX_W;
    else if (bits === 64 && free && random.below(10) === 0) draft.rex |= REX_W;
    if (isByteOperation(form) && random.below(10) === 0) draft.prefixes.push(OPERAND_SIZE);
    return;
  }
  if (form.options.has("f64")) return;
  if (size === 16) draft.prefixes.push(OPERAND_SIZE);
  if (size === 64 && !(form.options.has("d64") && random.below(2))) draft.rex |= REX_W;
}

function isByteOperation(form: Form): boolean {
  const [first] = form.operands;
  return form.map === 0 && (form.options.has("b") || (first?.size === 8 && first.kind !== "relative"));
}

function choosePrefixes(draft: Draft): void {
  const { form, random, inMemory } = draft;
  if (form.options.has("lock") && inMemory && random.below(3) === 0) draft.prefixes.push(LOCK);
  else if (random.below(100) === 0 && !LOCK_DIFFERS.test(form.mnemonic)) draft.prefixes.push(LOCK);
  const repeatable = form.options.has("string") && form.map === 0 && form.mnemonic !== "xlat";
  if (repeatable && random.below(3) !== 0) draft.prefixes.push(random.pick(REPEATS));
}

/** ModRM and what belongs to it; answers the register number in the opcode. */
function chooseOperands(draft: Draft): number {
  const { form, random, bits, inMemory } = draft;
  const implied = form.options.has("string") || form.operands.some((o) => o.kind === "absolute");
  if (implied && form.map === 0) {
    const base = chooseSegment(draft);
    if (!form.options.has("string")) draft.target = BigInt.asUintN(64, draft.target - base);
    else if (base !== 0n) setRegister(draft, RSI, (draft.before.gpr[RSI] as bigint) - base);
    chooseAddressSize(draft);
  } else if (/^(loop|jcxz)/.test(form.mnemonic)) chooseAddressSize(draft);
  if (bits === 64 && random.below(6) === 0) draft.forceRex = true;
  if (form.registerInOpcode) {
    if (bits === 64 && random.below(2)) draft.rex |= REX_B;
    return random.below(8);
  }
  if (!hasModrm(form)) return 0;
  if (form.modrm !== undefined) {
    draft.modrm.push(form.modrm);
    return 0;
  }
  const reg = form.reg ?? random.below(8);
  const numbered = form.operands.some((o) => o.kind === "number" && o.from === "reg");
  if (bits === 64 && form.reg === undefined && !numbered && random.below(2)) draft.rex |= REX_R;
  if (inMemory) encodeMemory(draft, reg);
  else {
    if (bits === 64 && random.below(2)) draft.rex |= REX_B;
    draft.modrm.push(0xc0 | (reg << 3) | random.below(8));
  }
  return 0;
}

/** Number of the general register in ModRM.rm or in the opcode, for situations that care about its value. */
export function rmRegister(draft: Draft): number {
  return ((draft.modrm[0] ?? 0) & 7) | ((draft.rex & REX_B) << 3);
}

function put(draft: Draft, value: bigint, bytes: number): void {
  for (let i = 0; i < bytes; i++) draft.immediate.push(Number(BigInt.asUintN(8, value >> BigInt(8 * i))));
}

function encodeImmediate(draft: Draft, { kind, size }: Operand): void {
  const { random } = draft;
  const wide = draft.size === 16 ? 2 : 4;
  if (kind === "absolute") put(draft, draft.target, draft.addressBits / 8);
  else if (kind === "relative") put(draft, relativeTarget(draft), size === 8 ? 1 : wide);
  if (kind !== "immediate" || draft.immediate.length > 8) return;
  if (size === "none") {
    put(draft, ORACLE_CODE + 0x60n + BigInt(random.below(0x100)), wide);
    put(draft, farSelector(draft), 2);
    return;
  }
  const bytes = size === "z" ? wide : size === "v" ? draft.size / 8 : Number(size) / 8;
  put(draft, immediateValue(draft), draft.form.operands.some((o) => o.signed) ? 1 : bytes);
}

export function farSelector({ random, bits }: Draft): bigint {
  const usual = bits === 64 ? 0x33n : 0x23n;
  return random.below(3) ? usual : BigInt(random.pick([0, 3, 0x10, 0x18, 0x20, 0x22, 0x2b, 0x33, 0x1b, 7]));
}

function immediateValue({ form, random, size }: Draft): bigint {
  if (form.mnemonic === "enter") return BigInt(random.pick([0, 1, 2, 3, 8, 16, 0x40, 31, 32, 0x1000]));
  // What else is wrong with a far return is found in an order of the processor's own.
  if (form.mnemonic === "ret far") return BigInt(random.below(32));
  // More than the operand's width is undefined.
  if (/^sh[lr]d$/.test(form.mnemonic) && size === 16)
    return BigInt(random.below(17) | (random.below(8) << 5));
  const value = interestingValue(random);
  if (form.mnemonic === "int" && (value & 0xffn) === BigInt(SYSTEM_CALL)) return 3n;
  return value;
}

/** Forward into INT3s, or back beyond the instruction: never to itself. */
function relativeTarget({ random, form }: Draft): bigint {
  if (form.operands[0]?.size === 8)
    return BigInt(random.below(2) ? random.below(0x80) : -0x80 + random.below(0x60));
  const near = random.below(2) ? random.below(0x700) : -0x700 + random.below(0x6c0);
  return random.below(6) ? BigInt(near) : BigInt.asIntN(32, random.u64() | 0x4000_0000n);
}

function assemble(draft: Draft, opcodeRegister: number): Uint8Array {
  const { form, rex, bits } = draft;
  const code = [...meaningless(draft), ...shuffled(draft)];
  if (form.prefix && form.prefix !== "np") code.push(MANDATORY[form.prefix] as number);
  if (bits === 64 && (rex !== 0 || draft.forceRex)) code.push(0x40 | rex);
  if (form.map > 0) code.push(0x0f);
  if (form.map > 1) code.push(form.map === 2 ? 0x38 : 0x3a);
  code.push(form.opcode + opcodeRegister, ...draft.modrm);
  const displacementAt = code.length - 4;
  code.push(...draft.immediate);
  if (draft.ripTarget !== undefined) {
    const displacement = draft.ripTarget - ORACLE_CODE - BigInt(code.length);
    for (let i = 0; i < 4; i++)
      code[displacementAt + i] = Number(BigInt.asUintN(8, displacement >> BigInt(8 * i)));
  }
  return Uint8Array.from(code);
}

/** Prefixes that change nothing: segments of 64-bit mode, a REX that is not the last prefix, repeats without a string. */
function meaningless({ random, bits, form, prefixes, rex }: Draft): number[] {
  if (random.below(40) !== 0) return [];
  const repeats =
    form.map === 0 &&
    !form.options.has("string") &&
    form.prefix === undefined &&
    !REPEAT_MATTERS.has(form.opcode);
  const kind = random.below(3);
  if (kind === 0 && repeats) return [random.pick(REPEATS)];
  // UD0 and UD1 are undefined before their length is known.
  if (bits === 32 || form.mnemonic === "ud2") return [];
  // At times more than the fifteen bytes an instruction may have.
  if (kind === 1) return Array.from({ length: 1 + random.below(14) }, () => random.pick(IGNORED_SEGMENTS));
  return prefixes.length > 0 || rex !== 0 ? [0x40 | random.below(16)] : [];
}

/** Legacy prefixes come in any order. */
function shuffled({ prefixes, random }: Draft): number[] {
  const order = [...prefixes];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}
