// The arithmetic flags, kept lazily as two values from which each flag follows without knowing the instruction:
//
//   result  the result, sign-extended to 64 bits:   ZF = (result == 0)
//   aux     31   30      15..8     3    0
//          ┌──┬───────┬─────────┬────┬─────┐
//          │CF│CF ^ OF│ PF delta│ AF │SF  ^│       SF = sign of result ^ bit 0,  PF = even parity of (result ^ aux >> 8)
//          └──┴───────┴─────────┴────┴─────┘
// For addition and subtraction bits 31, 30 and 3 are those of the vector of carries, moved so that its top bit is bit 31.
// The two deltas exist so that any combination of flags (SAHF, POPF) can be held.

import { type Expr, i32, i64, select } from "../encoder/expressions.ts";
import type { FlagSource, Lowering, Size } from "./lowering.ts";

const AUX_KEPT_BY_64 = 0xc000_0000 | 0;
export const AUX_CF = 0x8000_0000 | 0;
export const AUX_PO = 0x4000_0000;
export const AUX_AF = 8;

export function signExtend(value: Expr, size: Size): Expr {
  if (size === 64) return value;
  if (size === 32) return i64.extend32S(value);
  return i64.extend32S(size === 8 ? i32.extend8(value) : i32.extend16(value));
}

/** Moves a vector of carries of `size` bits to where `aux` wants its top two bits and bit 3. */
function auxOfCarries(carries: Expr, m: Lowering, size: Size): Expr {
  if (size === 32) return i32.and(carries, i32.const(0xc000_0008 | 0));
  const bound = m.let(carries);
  if (size === 64) {
    const high = i32.and(i32.wrap(i64.shrU(bound, i64.const(32))), i32.const(AUX_KEPT_BY_64));
    return i32.or(high, i32.and(i32.wrap(bound), i32.const(AUX_AF)));
  }
  const high = i32.and(i32.shl(bound, i32.const(32 - size)), i32.const(AUX_KEPT_BY_64));
  return i32.or(high, i32.and(bound, i32.const(AUX_AF)));
}

const wide = (size: Size) => (size === 64 ? i64 : i32);
const not = (value: Expr, size: Size): Expr =>
  size === 64 ? i64.xor(value, i64.const(-1n)) : i32.xor(value, i32.const(-1));

/** Result and aux of flags that were held as their source. */
export function computeFlags(m: Lowering, source: FlagSource): { readonly result: Expr; readonly aux: Expr } {
  const { size, result } = source;
  return { result: signExtend(result, size), aux: computeAux(m, source) };
}

function computeAux(m: Lowering, source: FlagSource): Expr {
  const { operation, size, a, b, result } = source;
  const one = size === 64 ? i64.const(1) : i32.const(1);
  switch (operation) {
    case "logic":
      return i32.const(0);
    case "add":
      return auxOfCarries(carriesOfAdd(size, a, b, result), m, size);
    case "sub":
      return auxOfCarries(borrowsOfSub(m, size, a, b, result), m, size);
    case "imul": {
      const over = m.let(overflowOfProduct(m, source));
      return auxOf(over, over);
    }
    case "inc":
      return withCarry(m, auxOfCarries(carriesOfAdd(size, a, one, result), m, size), b);
    case "dec":
      return withCarry(m, auxOfCarries(borrowsOfSub(m, size, a, one, result), m, size), b);
  }
}

function carriesOfAdd(size: Size, a: Expr, b: Expr, result: Expr): Expr {
  const w = wide(size);
  return w.or(w.and(a, b), w.and(w.or(a, b), not(result, size)));
}

function borrowsOfSub(m: Lowering, size: Size, a: Expr, b: Expr, result: Expr): Expr {
  const w = wide(size);
  const notA = m.let(not(a, size));
  return w.or(w.and(notA, b), w.and(w.or(notA, b), result));
}

/** i32: does the product of signed numbers need more than `size` bits? */
function overflowOfProduct(m: Lowering, { size, a, b, result }: FlagSource): Expr {
  if (size !== 64) {
    const product = i64.mul(signExtend(a, size), signExtend(b, size));
    return i64.ne(product, signExtend(result, size));
  }
  const over = m.variable("i32", i32.const(0));
  const isWide = (value: Expr): Expr => i64.ne(i64.extend32(value), value);
  m.if(i32.or(isWide(a), isWide(b)), () =>
    m.assign(over, i64.ne(m.compute("mulHighS", [a, b], "i64"), i64.shrS(result, i64.const(63)))),
  );
  return over;
}

/** `aux` with another CF. */
function withCarry(m: Lowering, aux: Expr, cf: Expr): Expr {
  const bound = m.let(aux);
  const of = i32.shrU(i32.add(bound, i32.const(AUX_PO)), i32.const(31));
  return patchAux(m, bound, m.let(cf), of);
}

/** Flags of `result = a + b`; `result` may have bits above the size. */
export function setFlagsAdd(m: Lowering, size: Size, a: Expr, b: Expr, result: Expr): void {
  m.setFlagSource({ operation: "add", size, a, b, result });
}

/** Flags of `result = a - b`. */
export function setFlagsSub(m: Lowering, size: Size, a: Expr, b: Expr, result: Expr): void {
  m.setFlagSource({ operation: "sub", size, a, b, result });
}

/** Flags of `result = a + b + carry`. */
export function setFlagsAddWithCarry(m: Lowering, size: Size, a: Expr, b: Expr, result: Expr): void {
  m.setFlags(signExtend(result, size), auxOfCarries(carriesOfAdd(size, a, b, result), m, size));
}

/** Flags of `result = a - b - borrow`. */
export function setFlagsSubWithBorrow(m: Lowering, size: Size, a: Expr, b: Expr, result: Expr): void {
  m.setFlags(signExtend(result, size), auxOfCarries(borrowsOfSub(m, size, a, b, result), m, size));
}

/** Flags of INC (`delta` 1) and DEC (-1), which leave CF alone. */
export function setFlagsStep(m: Lowering, size: Size, delta: 1 | -1, a: Expr, result: Expr): void {
  const b = m.carryForLater() ?? m.let(carry(m));
  m.setFlagSource({ operation: delta === 1 ? "inc" : "dec", size, a, b, result });
}

/** Flags of the signed product `result = a * b`: CF and OF when it did not fit. */
export function setFlagsMultiply(m: Lowering, size: Size, a: Expr, b: Expr, result: Expr): void {
  m.setFlagSource({ operation: "imul", size, a, b, result });
}

/** Flags of a logical operation: CF and OF clear. */
export function setFlagsLogic(m: Lowering, size: Size, result: Expr): void {
  m.setFlagSource({ operation: "logic", size, a: result, b: result, result });
}

/** Flags from the result and explicit carry and overflow (i32, 0 or 1); AF is clear. */
export function setFlagsExplicit(m: Lowering, size: Size, result: Expr, cf: Expr, of: Expr): void {
  m.setFlags(signExtend(result, size), auxOf(m.let(cf), of));
}

/** `aux` with the given carry and overflow (0 or 1). */
export function auxOf(cf: Expr, of: Expr): Expr {
  return i32.or(i32.shl(cf, i32.const(31)), i32.shl(i32.xor(cf, of), i32.const(30)));
}

/** Replaces CF and, when it is given, OF (0 or 1, bound) and keeps the other flags: the general way. */
export function patchAux(m: Lowering, aux: Expr, cf: Expr, of: Expr = m.let(overflow(m))): Expr {
  return i32.or(i32.and(aux, i32.const(0x3fff_ffff)), auxOf(cf, of));
}

/** Values of `size` bits in a type where comparing them compares just these bits. */
function comparable(value: Expr, size: Size): Expr {
  return size < 32 ? i32.shl(value, i32.const(32 - size)) : value;
}

const negative = (value: Expr, size: Size): Expr =>
  size === 64 ? i64.ltS(value, i64.const(0)) : i32.ltS(comparable(value, size), i32.const(0));
const isZero = (value: Expr, size: Size): Expr => wide(size).eqz(comparable(value, size));

function carryOf(source: FlagSource, m: Lowering): Expr {
  const { operation, size, a, b, result } = source;
  if (operation === "imul") return overflowOfProduct(m, source);
  if (operation === "add") return wide(size).ltU(comparable(result, size), comparable(a, size));
  if (operation === "sub") return wide(size).ltU(comparable(a, size), comparable(b, size));
  return operation === "logic" ? i32.const(0) : b;
}

function overflowOf(source: FlagSource, m: Lowering): Expr {
  const { operation, size, a, b, result } = source;
  const w = wide(size);
  const least = size === 64 ? i64.const(-0x8000_0000_0000_0000n) : i32.const(0x8000_0000 | 0);
  switch (operation) {
    case "add":
      return negative(w.and(w.xor(a, result), w.xor(b, result)), size);
    case "sub":
      return negative(w.and(w.xor(a, b), w.xor(a, result)), size);
    case "inc":
      return w.eq(comparable(result, size), least);
    case "dec":
      return w.eq(comparable(a, size), least);
    case "imul":
      return overflowOfProduct(m, source);
    case "logic":
      return i32.const(0);
  }
}

/** Signed "less": SF ^ OF. */
function lessOf(source: FlagSource, m: Lowering): Expr {
  const { operation, size, a, b, result } = source;
  if (operation === "sub") return wide(size).ltS(comparable(a, size), comparable(b, size));
  if (operation === "logic") return negative(result, size);
  return i32.xor(negative(result, size), overflowOf(source, m));
}

function lessOrEqualOf(source: FlagSource, m: Lowering): Expr {
  const { operation, size, a, b, result } = source;
  if (operation === "sub") return wide(size).leS(comparable(a, size), comparable(b, size));
  return i32.or(isZero(result, size), lessOf(source, m));
}

function belowOrEqualOf(source: FlagSource, m: Lowering): Expr {
  const { operation, size, a, b, result } = source;
  if (operation === "sub") return wide(size).leU(comparable(a, size), comparable(b, size));
  return i32.or(isZero(result, size), carryOf(source, m));
}

function parityOf({ size, result }: FlagSource): Expr {
  return evenParity(size === 64 ? i32.wrap(result) : result);
}

/** 1 when the number of set bits in the low byte is even. */
const evenParity = (value: Expr): Expr =>
  i32.and(i32.xor(i32.popcnt(i32.and(value, i32.const(0xff))), i32.const(1)), i32.const(1));

/** A flag from its source where that is known, else from result and aux. */
const fromSource =
  (direct: (source: FlagSource, m: Lowering) => Expr, general: (m: Lowering) => Expr) =>
  (m: Lowering): Expr => {
    const source = m.flagSource();
    return source ? direct(source, m) : general(m);
  };

export const carry = fromSource(carryOf, (m) => m.knownCarry() ?? i32.shrU(m.flagAux(), i32.const(31)));
export const overflow = fromSource(overflowOf, (m) =>
  i32.shrU(i32.add(m.flagAux(), i32.const(AUX_PO)), i32.const(31)),
);
const zero = fromSource(
  ({ result, size }) => isZero(result, size),
  (m) => i64.eqz(m.flagResult()),
);
const sign = fromSource(
  ({ result, size }) => negative(result, size),
  (m) => i32.xor(i32.wrap(i64.shrU(m.flagResult(), i64.const(63))), i32.and(m.flagAux(), i32.const(1))),
);
const parity = fromSource(parityOf, (m) =>
  evenParity(i32.xor(i32.wrap(m.flagResult()), i32.shrU(m.flagAux(), i32.const(8)))),
);
const belowOrEqual = fromSource(belowOrEqualOf, (m) => i32.or(carry(m), zero(m)));
const less = fromSource(lessOf, (m) => i32.xor(sign(m), overflow(m)));
const lessOrEqual = fromSource(lessOrEqualOf, (m) => i32.or(zero(m), less(m)));

const CONDITIONS = [overflow, carry, zero, belowOrEqual, sign, parity, less, lessOrEqual];

/** The sixteen conditions of Jcc, SETcc and CMOVcc, by the low four bits of the opcode. */
export function condition(m: Lowering, code: number): Expr {
  const base = (CONDITIONS[code >> 1] as (m: Lowering) => Expr)(m);
  return code & 1 ? i32.eqz(base) : base;
}

/** SF, ZF, AF, PF and CF in the low byte, as LAHF and PUSHF show them (bit 1 is always set). */
export function lowFlags(m: Lowering): Expr {
  const at = (value: Expr, bit: number): Expr => i32.shl(value, i32.const(bit));
  const af = i32.and(i32.shrU(m.flagAux(), i32.const(3)), i32.const(1));
  const pieces = [carry(m), at(parity(m), 2), at(af, 4), at(zero(m), 6), at(sign(m), 7)];
  return pieces.reduce((all, piece) => i32.or(all, piece), i32.const(2));
}

/** Sets SF, ZF, AF, PF, CF from a byte laid out as RFLAGS and OF from 0 or 1. */
export function setFlagsFromByte(m: Lowering, byte: Expr, of: Expr): void {
  const b = m.let(byte);
  const bit = (n: number): Expr => i32.and(i32.shrU(b, i32.const(n)), i32.const(1));
  const result = select(i64.const(0), i64.const(0x100), bit(6));
  const deltas = i32.or(i32.shl(i32.xor(bit(2), i32.const(1)), i32.const(8)), bit(7));
  const af = i32.shl(bit(4), i32.const(3));
  m.setFlags(result, i32.or(i32.or(deltas, af), auxOf(bit(0), of)));
}
