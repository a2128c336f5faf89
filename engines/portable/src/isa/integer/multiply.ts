// MUL IMUL DIV IDIV and the BCD adjustments of legacy modes. SDM volume 2. Where the manual leaves flags undefined after a
// multiplication they follow the low half of the result.

import { type Expr, i32, i64 } from "../../encoder/expressions.ts";
import { setFlagsExplicit, setFlagsMultiply } from "../flags.ts";
import { instruction, type Lowering, type Size } from "../lowering.ts";

const DIVIDE_ERROR = 0;

const signed = (value: Expr, size: Size): Expr =>
  size === 64
    ? value
    : i64.extend32S(size === 8 ? i32.extend8(value) : size === 16 ? i32.extend16(value) : value);

/** rDX:rAX (AX for bytes) = rAX × operand. */
const multiplyAccumulator = (isSigned: boolean) => (m: Lowering) => {
  const size = m.operandSize(0);
  const b = m.read(0);
  const a = m.gpr(0, size);
  if (size === 64) {
    const low = m.let(i64.mul(a, b));
    const high = m.compute(isSigned ? "mulHighS" : "mulHighU", [a, b], "i64");
    const expected = isSigned ? i64.shrS(low, i64.const(63)) : i64.const(0);
    const over = m.let(i64.ne(high, expected));
    m.setGpr(0, 64, low);
    m.setGpr(2, 64, high);
    setFlagsExplicit(m, 64, low, over, over);
    return;
  }
  const product = m.let(
    isSigned ? i64.mul(signed(a, size), signed(b, size)) : i64.mul(i64.extend32U(a), i64.extend32U(b)),
  );
  const low = m.let(i32.wrap(product));
  const high = m.let(i32.wrap(i64.shrU(product, i64.const(size))));
  const narrow = isSigned ? signed(low, size) : i64.and(product, i64.const((1n << BigInt(size)) - 1n));
  const over = m.let(i64.ne(product, narrow));
  if (size === 8) m.setGpr(0, 16, low);
  else {
    m.setGpr(0, size, low);
    m.setGpr(2, size, high);
  }
  setFlagsExplicit(m, size, low, over, over);
};

/** Two- and three-operand IMUL: the low half only. */
const imul = (left: number, right: number) => (m: Lowering) => {
  const size = m.operandSize(0);
  const a = m.read(left);
  const b = m.read(right, size);
  const low = m.let(size === 64 ? i64.mul(a, b) : i32.mul(a, b));
  m.write(0, low);
  setFlagsMultiply(m, size, a, b, low);
};

/** Division leaves the flags alone, as current processors do. */
const divide = (isSigned: boolean) => (m: Lowering) => {
  const size = m.operandSize(0);
  const divisor = m.read(0);
  if (size === 64) return divideWide(m, isSigned, divisor);
  const d = m.let(isSigned ? signed(divisor, size) : i64.extend32U(divisor));
  m.faultIf(i64.eqz(d), DIVIDE_ERROR);
  const n = m.let(dividend(m, size, isSigned));
  if (isSigned && size === 32)
    m.faultIf(i32.and(i64.eq(n, i64.const(-(1n << 63n))), i64.eq(d, i64.const(-1))), DIVIDE_ERROR);
  const q = m.let(isSigned ? i64.divS(n, d) : i64.divU(n, d));
  const r = m.let(isSigned ? i64.remS(n, d) : i64.remU(n, d));
  const fits = isSigned
    ? i64.eq(q, signed(i32.wrap(q), size))
    : i64.leU(q, i64.const((1n << BigInt(size)) - 1n));
  m.faultIf(i32.eqz(fits), DIVIDE_ERROR);
  const quotient = m.let(i32.wrap(q));
  const remainder = m.let(i32.wrap(r));
  if (size === 8) {
    m.setGpr(0, 16, i32.or(i32.and(quotient, i32.const(0xff)), i32.shl(remainder, i32.const(8))));
    return;
  }
  m.setGpr(0, size, quotient);
  m.setGpr(2, size, remainder);
};

/** 128 by 64 bits; mostly the upper half of the dividend only extends the lower one. */
function divideWide(m: Lowering, isSigned: boolean, divisor: Expr): void {
  const low = m.gpr(0, 64);
  const extension = isSigned ? i64.shrS(low, i64.const(63)) : i64.const(0);
  const isShort = i64.eq(m.gpr(2, 64), extension);
  // The least number divided by -1 and a division by zero raise exceptions.
  const isPlain = i64.gtU(i64.add(divisor, i64.const(1)), i64.const(1));
  m.if(
    i32.and(isShort, isPlain),
    () => {
      const quotient = m.let(isSigned ? i64.divS(low, divisor) : i64.divU(low, divisor));
      const remainder = m.let(isSigned ? i64.remS(low, divisor) : i64.remU(low, divisor));
      m.setGpr(0, 64, quotient);
      m.setGpr(2, 64, remainder);
    },
    () => m.system(isSigned ? "divide128S" : "divide128U", divisor),
  );
}

function dividend(m: Lowering, size: Size, isSigned: boolean): Expr {
  if (size === 8) return isSigned ? signed(m.gpr(0, 16), 16) : i64.extend32U(m.gpr(0, 16));
  const pair = i64.or(i64.shl(i64.extend32U(m.gpr(2, size)), i64.const(size)), i64.extend32U(m.gpr(0, size)));
  return size === 16 && isSigned ? i64.extend32S(i32.wrap(pair)) : pair;
}

export const MULTIPLY = [
  instruction("mul", ["f6/4 Eb", "f7/4 Ev"], multiplyAccumulator(false)),
  instruction("imul", ["f6/5 Eb", "f7/5 Ev"], multiplyAccumulator(true)),
  instruction("imul", ["0f af Gv,Ev"], imul(0, 1)),
  instruction("imul", ["69 Gv,Ev,Iz", "6b Gv,Ev,Ibs"], imul(1, 2)),
  instruction("div", ["f6/6 Eb", "f7/6 Ev"], divide(false)),
  instruction("idiv", ["f6/7 Eb", "f7/7 Ev"], divide(true)),
  instruction("daa", ["27 i64"], (m) => m.system("decimalAdjust", i32.const(0))),
  instruction("das", ["2f i64"], (m) => m.system("decimalAdjust", i32.const(1))),
  instruction("aaa", ["37 i64"], (m) => m.system("asciiAdjust", i32.const(0))),
  instruction("aas", ["3f i64"], (m) => m.system("asciiAdjust", i32.const(1))),
  instruction("aam", ["d4 Ib i64"], (m) => m.system("asciiMultiply", m.read(0, 8))),
  instruction("aad", ["d5 Ib i64"], (m) => m.system("asciiDivide", m.read(0, 8))),
];
