// States in which an instruction has something to do: stacks with return addresses, counts, dividends that fit, selectors.
// A situation is prepared before the encoding is chosen (registers it needs are reserved) and finished after it.

import { ORACLE_WINDOW } from "../oracle.ts";
import { fillVectors } from "../vector/random.ts";
import { x87Case } from "../x87/x87-cases.ts";
import { codeAddress, type Draft, dataAddress, interestingValue, poke, setRegister } from "./draft.ts";
import { farSelector, rmRegister } from "./encode-form.ts";

const [RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const FLAG_TF = 0x100n;
const FLAG_DF = 0x400n;
const FLAGS_ARITHMETIC = 0x8d5n;
/** What POPF may set in a program, without alignment checks (which the engine does not make). */
const FLAGS_POPPED = 0x20_4dd5n;
const USUAL_MXCSR = 0x1f80;
const COUNTS = [0, 1, 2, 7, 8, 9, 15, 16, 17, 18, 31, 32, 33, 63, 64, 65];

interface Situation {
  readonly matches: RegExp;
  readonly prepare?: (draft: Draft) => void;
  readonly finish?: (draft: Draft) => void;
}

/** Random registers, flags and memory, then what the instruction's family needs. */
export function prepareState(draft: Draft): void {
  const { random, before, bits } = draft;
  for (let n = 0; n < (bits === 64 ? 16 : 8); n++) setRegister(draft, n, interestingValue(random));
  before.rflags = 0x202n | (random.u64() & FLAGS_ARITHMETIC) | (random.below(6) ? 0n : FLAG_DF);
  if (random.below(30) === 0) before.rflags |= FLAG_TF;
  prepareFloats(draft);
  draft.target = dataAddress(draft);
  for (const situation of situationsOf(draft)) situation.prepare?.(draft);
}

/** To be called once registers and memory operand are known. */
export function finishState(draft: Draft): void {
  for (const situation of situationsOf(draft)) situation.finish?.(draft);
}

function situationsOf({ form }: Draft): readonly Situation[] {
  return SITUATIONS.filter(({ matches }) => matches.test(form.mnemonic));
}

function prepareFloats(draft: Draft): void {
  const { random, before, form } = draft;
  const kinds = form.operands.map((o) => o.kind);
  const vector = kinds.some((k) => k.startsWith("vector")) || form.options.has("sse");
  if (form.options.has("fpu") || kinds.some((k) => k.startsWith("mmx")) || form.mnemonic === "fwait") {
    const other = x87Case(random, []);
    before.fxsave.set(other.fxsave);
    before.window.set(other.window);
  } else if (vector || random.below(2)) fillVectors(random, before.window);
  else for (let i = 0; i < before.window.length; i++) before.window[i] = random.below(256);
  if (vector || form.mnemonic.startsWith("fx")) fillVectors(random, before.fxsave.subarray(160, 416));
  if (vector) new DataView(before.fxsave.buffer).setUint32(24, floatControl(draft), true);
}

/** Mostly as programs have it; else any rounding, flushing, and exceptions of which most are masked. */
function floatControl({ random }: Draft): number {
  if (random.below(2)) return USUAL_MXCSR;
  const masks = random.below(2) ? 0x3f : 0x3f & ~(1 << random.below(6));
  return (random.below(4) << 13) | (random.below(2) << 15) | (random.below(2) << 6) | (masks << 7);
}

/** Reserves a register for a pointer into the window. */
function pointer(draft: Draft, register: number, address: bigint): void {
  setRegister(draft, register, address);
  draft.reserved.add(register);
}

function stackAddress({ random }: Draft): bigint {
  return ORACLE_WINDOW + 64n + BigInt(random.below(random.below(2) ? 16 : 128)) * (random.below(2) ? 8n : 1n);
}

function stack(draft: Draft): void {
  // With a bad stack and a bad operand, which of the two is found first is the CPU's own business.
  const withOperand = draft.form.operands.some(({ kind }) => kind === "rm" || kind === "memory");
  pointer(draft, RSP, withOperand || draft.random.below(12) ? stackAddress(draft) : dataAddress(draft));
}

const stackValue = (draft: Draft, index: number, value: bigint, bytes = draft.size / 8): void =>
  poke(draft, (draft.before.gpr[RSP] as bigint) + BigInt(index * bytes), value, bytes);

/** The operand itself, in the register or in memory. */
function setOperand(draft: Draft, value: bigint, bytes: number): void {
  if (draft.inMemory) poke(draft, draft.target, value, bytes);
  else if (!draft.reserved.has(rmRegister(draft))) setRegister(draft, rmRegister(draft), value);
}

function selector(draft: Draft): bigint {
  const { random } = draft;
  const value = BigInt(
    random.pick([0, 1, 3, 0x10, 0x18, 0x1b, 0x20, 0x23, 0x28, 0x2b, 0x2b, 0x2b, 0x30, 0x33, 7, 0x2f]),
  );
  return value | (random.below(2) ? random.u64() & ~0xffffn : 0n);
}

function strings(draft: Draft): void {
  const { random, before } = draft;
  pointer(draft, RSI, dataAddress(draft));
  pointer(draft, RDI, dataAddress(draft));
  draft.target = before.gpr[RSI] as bigint;
  setRegister(draft, RCX, random.below(24) ? BigInt(random.below(40)) : interestingValue(random));
  if (random.below(2)) before.rflags ^= FLAG_DF;
  // Runs of equal bytes, so that comparisons go on.
  if (random.below(2)) before.window.fill(random.below(256), random.below(60), 120 + random.below(120));
  if (random.below(2))
    before.gpr.fill(BigInt(before.window[random.below(256)] as number) * 0x0101_0101n, RAX, RAX + 1);
}

function dividend(draft: Draft): void {
  const { random, before, size } = draft;
  const negative = BigInt.asIntN(size, before.gpr[RAX] as bigint) < 0n && draft.form.mnemonic === "idiv";
  const kind = random.below(4);
  if (size === 8 && kind)
    setRegister(draft, RAX, BigInt(random.pick([random.below(256), random.below(0x2000), 0xff80])));
  else if (kind === 1) setRegister(draft, RDX, 0n);
  else if (kind === 2) setRegister(draft, RDX, negative ? -1n : 0n);
  else if (kind === 3) setRegister(draft, RDX, BigInt(random.below(300) - 40));
}

/** Half of the time the accumulator equals the destination. */
function equalAccumulator(draft: Draft): void {
  if (draft.random.below(2)) setOperand(draft, draft.before.gpr[RAX] as bigint, draft.size / 8);
}

function equalPair(draft: Draft): void {
  const { random, before, size, target } = draft;
  if (random.below(3) && target % 16n !== 0n) return;
  const bytes = size / 8;
  if (random.below(2)) poke(draft, target, before.gpr[RAX] as bigint, bytes);
  if (random.below(3)) poke(draft, target + BigInt(bytes), before.gpr[RDX] as bigint, bytes);
}

/** A bit offset in a register moves the address: keep most of them near. */
function bitOffset(draft: Draft): void {
  const { random, modrm, rex } = draft;
  const offset = (((modrm[0] ?? 0) >> 3) & 7) | ((rex & 4) << 1);
  if (draft.inMemory && draft.form.reg === undefined && random.below(8) && !draft.reserved.has(offset))
    if (!usedForAddress(draft, offset)) setRegister(draft, offset, BigInt(random.below(1200) - 600));
}

/** Whether the memory operand needs the register; said yes to a little too often. */
function usedForAddress({ modrm, rex, bits }: Draft, register: number): boolean {
  const high = (bit: number): number => (bits === 64 && rex & bit ? 8 : 0);
  const rm = (modrm[0] as number) & 7;
  if (rm !== 4) return (rm | high(1)) === register;
  const sib = modrm[1] as number;
  return ((sib & 7) | high(1)) === register || (((sib >> 3) & 7) | high(2)) === register;
}

/** IRET's frame: RIP, CS, RFLAGS, RSP, SS. */
function interruptFrame(draft: Draft): void {
  const { random } = draft;
  stackValue(draft, 0, codeAddress(draft));
  stackValue(draft, 1, farSelector(draft));
  stackValue(draft, 2, random.u64() & FLAGS_POPPED & ~0x4000n);
  stackValue(draft, 3, interestingValue(random));
  stackValue(draft, 4, random.below(4) ? 0x2bn : selector(draft));
}

function farPointer(draft: Draft): void {
  const bytes = draft.size / 8;
  poke(draft, draft.target, codeAddress(draft), bytes);
  const code = draft.form.mnemonic.endsWith("far");
  poke(draft, draft.target + BigInt(bytes), code ? farSelector(draft) : selector(draft), 2);
}

const SITUATIONS: readonly Situation[] = [
  { matches: /^(push|pop(?!a)|call|ret$|enter|leave)/, prepare: stack },
  // Processors look at more of the stack than they need before they find what is wrong, or undo less than they should.
  { matches: /^(ret far|iret|popa)$/, prepare: (d) => pointer(d, RSP, stackAddress(d)) },
  { matches: /^(enter|leave)$/, prepare: (d) => d.random.below(8) && pointer(d, RBP, stackAddress(d)) },
  { matches: /^popf$/, finish: (d) => stackValue(d, 0, d.random.u64() & FLAGS_POPPED) },
  { matches: /^pop sreg$/, finish: (d) => stackValue(d, 0, selector(d)) },
  { matches: /^ret$/, finish: (d) => stackValue(d, 0, codeAddress(d), d.bits === 64 ? 8 : d.size / 8) },
  {
    matches: /^ret far$/,
    finish: (d) => {
      stackValue(d, 0, codeAddress(d));
      stackValue(d, 1, farSelector(d));
    },
  },
  { matches: /^iret$/, finish: interruptFrame },
  { matches: /^(jmp|call)$/, finish: (d) => setOperand(d, codeAddress(d), d.size / 8) },
  { matches: /^((jmp|call) far|l[defgs]s)$/, finish: farPointer },
  {
    matches: /^(loop|jcxz)/,
    prepare: (d) => d.random.below(2) && setRegister(d, RCX, BigInt(d.random.below(3))),
  },
  { matches: /^(movs|cmps|stos|lods|scas|ins|outs)$/, prepare: strings },
  {
    matches: /^xlat$/,
    prepare: (d) => setRegister(d, RBX, dataAddress(d) - BigInt(Number(d.before.gpr[RAX] as bigint & 0xffn))),
  },
  { matches: /^maskmov/, prepare: (d) => pointer(d, RDI, ORACLE_WINDOW + BigInt(d.random.below(240))) },
  { matches: /^(ro|rc|sh|sa)[lr]$/, finish: shiftCount },
  { matches: /^sh[lr]d$/, prepare: doubleShiftCount },
  { matches: /^i?div$/, prepare: dividend },
  { matches: /^cmpxchg$/, finish: equalAccumulator },
  { matches: /^cmpxchg8b$/, finish: equalPair },
  { matches: /^bt[src]?$/, finish: bitOffset },
  {
    matches: /^(mov sreg|verr|verw|lar|lsl|lldt|ltr)$/,
    finish: (d) => setOperand(d, selector(d), 2),
  },
  { matches: /^arpl$/, finish: (d) => d.inMemory && poke(d, d.target, interestingValue(d.random), 2) },
  {
    matches: /^ldmxcsr$/,
    finish: (d) => d.random.below(5) && poke(d, d.target, BigInt(d.random.below(0x1_0000)), 4),
  },
  { matches: /^fxrstor$/, finish: (d) => poke(d, d.target + 24n, BigInt(d.random.below(0x1_0000)), 4) },
  {
    matches: /^wr[fg]sbase$/,
    finish: (d) => d.random.below(2) && setRegister(d, rmRegister(d), d.random.u64() >> 18n),
  },
];

/** More than the operand's width is undefined. */
function doubleShiftCount(draft: Draft): void {
  const counts = draft.size === 16 ? COUNTS.filter((count) => (count & 31) <= 16) : COUNTS;
  pointer(draft, RCX, (draft.random.u64() & ~0xffn) | BigInt(draft.random.pick(counts)));
}

function shiftCount(draft: Draft): void {
  const { random, before } = draft;
  if (!draft.inMemory || !usedForAddress(draft, RCX))
    setRegister(draft, RCX, ((before.gpr[RCX] as bigint) & ~0xffn) | BigInt(random.pick(COUNTS)));
}
