// ROL ROR RCL RCR SHL SHR SAR SHLD SHRD. SDM volume 2. Where the manual leaves OF undefined (counts other than 1) the value is
// what current processors give.

import { type Expr, i32, i64 } from "../../encoder/expressions.ts";
import { carry, setFlagsExplicit } from "../flags.ts";
import { instruction, type Lowering, type Size } from "../lowering.ts";

type Core = (m: Lowering, size: Size, value: Expr, count: Expr) => void;

const forms = (extension: number): string[] => [
  `c0/${extension} Eb,Ib`,
  `c1/${extension} Ev,Ib`,
  `d0/${extension} Eb`,
  `d1/${extension} Ev`,
  `d2/${extension} Eb,CL`,
  `d3/${extension} Ev,CL`,
];

/** Masks the count and does nothing at all when it is zero; a memory destination is still checked for writing. */
function counted(core: Core): (m: Lowering) => void {
  return (m) => {
    const size = m.operandSize(0);
    const value = m.readForWrite(0);
    const raw = operandCount(m);
    const count = m.let(i32.and(raw, i32.const(size === 64 ? 63 : 31)));
    m.if(
      count,
      () => core(m, size, value, count),
      () => writeBack(m, size, value),
    );
  };
}

/** A 32-bit register destination has its upper half cleared even when the count is zero. */
function writeBack(m: Lowering, size: Size, value: Expr): void {
  if (size === 32 || m.isMemory(0)) m.write(0, value);
}

function operandCount(m: Lowering): Expr {
  return m.operandCount > 1 ? m.read(1, 8) : i32.const(1);
}

const bit = (value: Expr, size: Size, position: Expr): Expr =>
  size === 64
    ? i32.and(i32.wrap(i64.shrU(value, i64.extend32U(position))), i32.const(1))
    : i32.and(i32.shrU(value, position), i32.const(1));
const top = (value: Expr, size: Size): Expr =>
  size === 64
    ? i32.wrap(i64.shrU(value, i64.const(63)))
    : i32.and(i32.shrU(value, i32.const(size - 1)), i32.const(1));

/** Everything narrower than 64 bits is shifted in an i64, so that counts up to 31 need no cases. */
function shl(m: Lowering, size: Size, value: Expr, count: Expr): void {
  const n = i64.extend32U(count);
  if (size === 64) {
    const r = m.let(i64.shl(value, n));
    const cf = m.let(bit(value, 64, i32.sub(i32.const(64), count)));
    m.write(0, r);
    setFlagsExplicit(m, 64, r, cf, i32.xor(cf, top(r, 64)));
    return;
  }
  const w = m.let(i64.shl(i64.extend32U(value), n));
  const r = m.let(i32.wrap(w));
  const cf = m.let(i32.and(i32.wrap(i64.shrU(w, i64.const(size))), i32.const(1)));
  m.write(0, r);
  setFlagsExplicit(m, size, r, cf, i32.xor(cf, top(r, size)));
}

function shr(m: Lowering, size: Size, value: Expr, count: Expr): void {
  const cf = m.let(bit(value, size, i32.sub(count, i32.const(1))));
  const r = m.let(size === 64 ? i64.shrU(value, i64.extend32U(count)) : i32.shrU(value, count));
  m.write(0, r);
  // OF is the sign of the source for a count of 1; processors give top bit ^ next bit of the result in general.
  const next = size === 64 ? i64.shl(r, i64.const(1)) : i32.shl(r, i32.const(1));
  setFlagsExplicit(m, size, r, cf, i32.xor(top(r, size), top(next, size)));
}

function sar(m: Lowering, size: Size, value: Expr, count: Expr): void {
  if (size === 64) {
    const cf = m.let(bit(value, 64, i32.sub(count, i32.const(1))));
    const r = m.let(i64.shrS(value, i64.extend32U(count)));
    m.write(0, r);
    setFlagsExplicit(m, 64, r, cf, i32.const(0));
    return;
  }
  const wideValue = m.let(size === 8 ? i32.extend8(value) : size === 16 ? i32.extend16(value) : value);
  const cf = m.let(i32.and(i32.shrS(wideValue, i32.sub(count, i32.const(1))), i32.const(1)));
  const r = m.let(i32.shrS(wideValue, count));
  m.write(0, r);
  setFlagsExplicit(m, size, r, cf, i32.const(0));
}

/** Rotates change CF and OF only. */
function setRotateFlags(m: Lowering, cf: Expr, of: Expr): void {
  m.setCarry(m.let(cf), m.let(of));
}

function rotateLeft(m: Lowering, size: Size, value: Expr, n: Expr): Expr {
  if (size === 64) return i64.rotl(value, i64.extend32U(n));
  if (size === 32) return i32.rotl(value, n);
  const k = m.let(i32.and(n, i32.const(size - 1)));
  const back = i32.shrU(value, i32.and(i32.sub(i32.const(size), k), i32.const(31)));
  return i32.and(i32.or(i32.shl(value, k), back), i32.const(size === 8 ? 0xff : 0xffff));
}

function rol(m: Lowering, size: Size, value: Expr, count: Expr): void {
  const r = m.let(rotateLeft(m, size, value, count));
  const cf = m.let(i32.and(size === 64 ? i32.wrap(r) : r, i32.const(1)));
  m.write(0, r);
  setRotateFlags(m, cf, i32.xor(cf, top(r, size)));
}

function ror(m: Lowering, size: Size, value: Expr, count: Expr): void {
  const r = m.let(rotateLeft(m, size, value, i32.sub(i32.const(size), i32.and(count, i32.const(size - 1)))));
  const cf = m.let(top(r, size));
  const second = size === 64 ? i64.shl(r, i64.const(1)) : i32.shl(r, i32.const(1));
  m.write(0, r);
  setRotateFlags(m, cf, i32.xor(cf, top(second, size)));
}

/** Through carry: a rotation of size + 1 bits, done bit by bit (rare, and at most 63 steps). */
const throughCarry =
  (left: boolean): Core =>
  (m, size, value, count) => {
    const w = size === 64 ? i64 : i32;
    const type = size === 64 ? "i64" : "i32";
    const widen = (x: Expr): Expr => (size === 64 ? i64.extend32U(x) : x);
    const one = size === 64 ? i64.const(1) : i32.const(1);
    const topShift = size === 64 ? i64.const(63) : i32.const(size - 1);
    const r = m.variable(type, value);
    const cf = m.variable("i32", carry(m));
    const out = m.variable("i32", i32.const(0));
    const left_ = (): void => {
      m.assign(out, top(r, size));
      m.assign(r, w.or(w.shl(r, one), widen(cf)));
    };
    const right = (): void => {
      m.assign(out, i32.and(size === 64 ? i32.wrap(r) : r, i32.const(1)));
      const shifted = w.shrU(
        size === 64 || size === 32 ? r : i32.and(r, i32.const(size === 8 ? 0xff : 0xffff)),
        one,
      );
      m.assign(r, w.or(shifted, w.shl(widen(cf), topShift)));
    };
    const n = m.variable("i32", size < 32 ? i32.remU(count, i32.const(size + 1)) : count);
    const started = m.let(n);
    m.while(n, () => {
      if (left) left_();
      else right();
      m.assign(cf, out);
      m.assign(n, i32.sub(n, i32.const(1)));
    });
    m.write(0, r);
    const second = size === 64 ? i64.shl(r, i64.const(1)) : i32.shl(r, i32.const(1));
    m.if(started, () =>
      setRotateFlags(m, cf, left ? i32.xor(cf, top(r, size)) : i32.xor(top(r, size), top(second, size))),
    );
  };

/** Double shifts: bits come in from the second operand. 16-bit counts above 16 are undefined; the value is the natural one. */
const double = (left: boolean) => (m: Lowering) => {
  const size = m.operandSize(0);
  const a = m.readForWrite(0);
  const b = m.read(1);
  const count = m.let(i32.and(m.read(2, 8), i32.const(size === 64 ? 63 : 31)));
  m.if(
    count,
    () => {
      const [r, cf] = doubleShift(m, size, left, a, b, count);
      m.write(0, r);
      const of = i32.xor(top(r, size), top(a, size));
      setFlagsExplicit(m, size, r, cf, of);
    },
    () => writeBack(m, size, a),
  );
};

function doubleShift(m: Lowering, size: Size, left: boolean, a: Expr, b: Expr, count: Expr): [Expr, Expr] {
  if (size === 64) {
    const n = i64.extend32U(count);
    const back = i64.sub(i64.const(64), n);
    const r = m.let(
      left ? i64.or(i64.shl(a, n), i64.shrU(b, back)) : i64.or(i64.shrU(a, n), i64.shl(b, back)),
    );
    const position = left ? i32.sub(i32.const(64), count) : i32.sub(count, i32.const(1));
    return [r, m.let(bit(a, 64, position))];
  }
  const n = i64.extend32U(count);
  const [hi, lo] = left ? [a, b] : [b, a];
  const joined = m.let(i64.or(i64.shl(i64.extend32U(hi), i64.const(size)), i64.extend32U(lo)));
  if (size === 16) {
    // A third copy stands behind the pair, which is what processors shift in for counts above 16.
    const triple = left
      ? m.let(i64.or(i64.shl(joined, i64.const(16)), i64.extend32U(a)))
      : m.let(i64.or(joined, i64.shl(i64.extend32U(a), i64.const(32))));
    if (left) {
      const shifted = m.let(i64.shl(triple, n));
      const r = m.let(i32.and(i32.wrap(i64.shrU(shifted, i64.const(32))), i32.const(0xffff)));
      return [r, m.let(i32.and(i32.wrap(i64.shrU(shifted, i64.const(48))), i32.const(1)))];
    }
    const r = m.let(i32.and(i32.wrap(i64.shrU(triple, n)), i32.const(0xffff)));
    return [r, m.let(i32.and(i32.wrap(i64.shrU(triple, i64.sub(n, i64.const(1)))), i32.const(1)))];
  }
  if (left) {
    const r = m.let(i32.wrap(i64.shrU(i64.shl(joined, n), i64.const(32))));
    return [r, m.let(bit(a, 32, i32.sub(i32.const(32), count)))];
  }
  return [m.let(i32.wrap(i64.shrU(joined, n))), m.let(bit(a, 32, i32.sub(count, i32.const(1))))];
}

export const SHIFT = [
  instruction("rol", forms(0), counted(rol)),
  instruction("ror", forms(1), counted(ror)),
  instruction("rcl", forms(2), counted(throughCarry(true))),
  instruction("rcr", forms(3), counted(throughCarry(false))),
  instruction("shl", [...forms(4), ...forms(6)], counted(shl)),
  instruction("shr", forms(5), counted(shr)),
  instruction("sar", forms(7), counted(sar)),
  instruction("shld", ["0f a4 Ev,Gv,Ib", "0f a5 Ev,Gv,CL"], double(true)),
  instruction("shrd", ["0f ac Ev,Gv,Ib", "0f ad Ev,Gv,CL"], double(false)),
];
