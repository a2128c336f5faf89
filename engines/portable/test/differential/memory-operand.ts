// Memory operands: ModRM, SIB and displacement in every way that leads to a wanted address, and the registers they use.
// SDM volume 2, §2.1.5 and §2.2.1.

import { type Draft, interestingValue, setRegister } from "./draft.ts";

const ADDRESS_SIZE = 0x67;
const FS = 0x64;
const GS = 0x65;
/** Segment prefixes that mean nothing in 64-bit mode. */
export const IGNORED_SEGMENTS = [0x26, 0x2e, 0x36, 0x3e];
/** In compatibility mode all of these are the same flat segment; CS may not be written to. */
const FLAT_SEGMENTS = [0x26, 0x36, 0x3e];
const NO_INDEX = 4;

/** Encodes the draft's target as its memory operand; `reg` is ModRM.reg. */
export function encodeMemory(draft: Draft, reg: number): void {
  const base = chooseSegment(draft);
  chooseAddressSize(draft);
  const offset = BigInt.asUintN(64, draft.target - base);
  if (draft.addressBits === 16) encode16(draft, reg);
  else if (draft.random.below(8) === 0) encodeWithoutBase(draft, reg, offset);
  else encodeWithBase(draft, reg, offset);
}

/** Segment base of the operand, with the prefix for it if there is one. */
export function chooseSegment(draft: Draft): bigint {
  const { random, bits } = draft;
  if (random.below(5) !== 0) return 0n;
  if (bits === 32) {
    draft.prefixes.push(random.pick(FLAT_SEGMENTS));
    return 0n;
  }
  if (random.below(4) === 0) {
    draft.prefixes.push(random.pick(IGNORED_SEGMENTS));
    return 0n;
  }
  // Not where a Linux program has its stack. Some processors want the offset alone to be canonical too.
  const far = draft.target >> 46n !== 0n || /^(bt[src]?|xlat)$/.test(draft.form.mnemonic);
  const base = random.pick(
    [0n, 0x1000n, 0x0fff_f000n, 0x6fff_0000_0000n, random.u64() >> 18n].slice(0, far ? 1 : 5),
  );
  const segment = random.pick([FS, GS]);
  if (segment === FS) draft.before.fsBase = base;
  else draft.before.gsBase = base;
  draft.prefixes.push(segment);
  return base;
}

export function chooseAddressSize(draft: Draft): void {
  if (draft.random.below(draft.bits === 64 ? 10 : 40) !== 0) return;
  draft.prefixes.push(ADDRESS_SIZE);
  draft.addressBits = draft.bits === 64 ? 32 : 16;
}

function littleEndian(value: bigint, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Number(BigInt.asUintN(8, value >> BigInt(8 * i))));
}

/** Sets an address register: above the address size there may be anything. */
function setAddressRegister(draft: Draft, number: number, value: bigint): void {
  const above = draft.addressBits === 32 ? draft.random.u64() & ~0xffff_ffffn : 0n;
  setRegister(draft, number, BigInt.asUintN(draft.addressBits, value) | above);
}

function chooseRegister(draft: Draft, allowed: (n: number) => boolean): number {
  const { random, bits, reserved } = draft;
  const free = Array.from({ length: bits === 64 ? 16 : 8 }, (_, n) => n).filter(allowed);
  const unreserved = free.filter((n) => !reserved.has(n));
  return random.pick(random.below(20) === 0 ? free : unreserved);
}

/** Gives an address register its value, unless something else needs it as it is: then the operand is wherever it is. */
function place(draft: Draft, number: number, value: bigint): void {
  if (!draft.reserved.has(number)) setAddressRegister(draft, number, value);
}

function chooseIndex(
  draft: Draft,
  base: number | undefined,
): { index: number; scale: number; moved: bigint } {
  const { random, before } = draft;
  const index = random.below(4) === 0 ? NO_INDEX : chooseRegister(draft, (n) => n !== NO_INDEX && n !== base);
  const scale = random.below(4);
  if (index === NO_INDEX) return { index, scale, moved: 0n };
  place(draft, index, interestingValue(random));
  const mask = BigInt.asUintN(draft.addressBits, -1n);
  return { index, scale, moved: ((before.gpr[index] as bigint) & mask) << BigInt(scale) };
}

/** [base + index × scale + displacement] in all lengths of displacement. */
function encodeWithBase(draft: Draft, reg: number, offset: bigint): void {
  const { random } = draft;
  const base = chooseRegister(draft, () => true);
  const withSib = (base & 7) === 4 || random.below(2) === 0;
  let mod = random.below(3);
  if (mod === 0 && (base & 7) === 5) mod = 1;
  const byte = BigInt.asIntN(8, interestingValue(random));
  const word = BigInt.asIntN(32, random.below(2) ? interestingValue(random) : BigInt(random.below(0x2000)));
  const displacement = mod === 0 ? 0n : mod === 1 ? byte : word;
  const sib = withSib ? chooseIndex(draft, base) : { index: NO_INDEX, scale: 0, moved: 0n };
  place(draft, base, offset - displacement - sib.moved);
  draft.rex |= (base >> 3) | ((sib.index >> 3) << 1);
  draft.modrm.push((mod << 6) | (reg << 3) | (withSib ? 4 : base & 7));
  if (withSib) draft.modrm.push((sib.scale << 6) | ((sib.index & 7) << 3) | (base & 7));
  draft.modrm.push(...littleEndian(displacement, mod === 0 ? 0 : mod === 1 ? 1 : 4));
}

/** RIP-relative, an absolute displacement, or an index only. */
function encodeWithoutBase(draft: Draft, reg: number, offset: bigint): void {
  const { random, bits } = draft;
  if (random.below(2) === 0) {
    draft.modrm.push((reg << 3) | 5, ...littleEndian(offset, 4));
    if (bits === 64) draft.ripTarget = offset;
    return;
  }
  const { index, scale, moved } = chooseIndex(draft, undefined);
  draft.rex |= (index >> 3) << 1;
  draft.modrm.push((reg << 3) | 4, (scale << 6) | ((index & 7) << 3) | 5, ...littleEndian(offset - moved, 4));
}

/** Everything 16-bit addressing reaches is below 64 KiB, where nothing is: only the faulting address counts. */
function encode16(draft: Draft, reg: number): void {
  const { random } = draft;
  const mod = random.below(3);
  const rm = random.below(8);
  const bytes = mod === 2 || (mod === 0 && rm === 6) ? 2 : mod;
  draft.modrm.push((mod << 6) | (reg << 3) | rm, ...littleEndian(random.u64(), bytes));
}
