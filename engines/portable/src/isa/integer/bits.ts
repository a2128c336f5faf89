// BT BTS BTR BTC BSF BSR POPCNT. SDM volume 2.

import { type Expr, i32, i64 } from "../../encoder/expressions.ts";
import { lowFlags, overflow, setFlagsFromByte } from "../flags.ts";
import { instruction, type Lowering, type Size } from "../lowering.ts";

type Change = "none" | "set" | "reset" | "complement";

function changed(size: Size, value: Expr, mask: Expr, change: Change): Expr {
  const w = size === 64 ? i64 : i32;
  const all = size === 64 ? i64.const(-1) : i32.const(-1);
  if (change === "set") return w.or(value, mask);
  if (change === "reset") return w.and(value, w.xor(mask, all));
  return w.xor(value, mask);
}

/** The bit offset in a register reaches beyond a memory operand: the address moves by whole operands, signed. */
const bitTest = (change: Change) => (m: Lowering) => {
  const size = m.operandSize(0);
  const w = size === 64 ? i64 : i32;
  const offset = m.read(1, size);
  const position = m.let(w.and(offset, size === 64 ? i64.const(63) : i32.const(size - 1)));
  const finish = (value: Expr, write: (result: Expr) => void): void => {
    const picked = m.let(w.and(w.shrU(value, position), size === 64 ? i64.const(1) : i32.const(1)));
    const cf = m.let(size === 64 ? i32.wrap(picked) : picked);
    if (change !== "none") {
      const one = size === 64 ? i64.const(1) : i32.const(1);
      write(changed(size, value, w.shl(one, position), change));
    }
    m.setCarry(cf);
  };
  if (!m.isMemory(0) || m.operandIsImmediate(1)) {
    finish(change === "none" ? m.read(0) : m.readForWrite(0), (r) => m.write(0, r));
    return;
  }
  const signedOffset = size === 64 ? offset : i64.extend32S(size === 16 ? i32.extend16(offset) : offset);
  const shift = size === 64 ? 6 : size === 32 ? 5 : 4;
  const delta = i64.shl(i64.shrS(signedOffset, i64.const(shift)), i64.const(shift - 3));
  const address = m.linearAddressPlus(0, m.let(delta));
  if (change === "none") finish(m.load(address, size), () => {});
  else {
    m.system("checkWrite", address, i32.const(size / 8));
    finish(m.load(address, size), (r) => m.store(address, size, r));
  }
};

/** BSF and BSR leave the destination alone when the source is zero, as processors do. */
const scan = (reverse: boolean) => (m: Lowering) => {
  const size = m.operandSize(0);
  const w = size === 64 ? i64 : i32;
  const value = m.read(1);
  const top = size === 64 ? i64.const(63) : i32.const(31);
  const index = reverse ? w.sub(top, w.clz(value)) : w.ctz(value);
  const isZero = m.let(w.eqz(value));
  m.if(i32.eqz(isZero), () => m.write(0, index));
  setZeroOnly(m, isZero);
};

/** ZF changes; the rest is undefined in the manual and unchanged here. */
function setZeroOnly(m: Lowering, zero: Expr): void {
  setFlagsFromByte(
    m,
    i32.or(i32.and(lowFlags(m), i32.const(0xbf)), i32.shl(zero, i32.const(6))),
    m.let(overflow(m)),
  );
}

function popcnt(m: Lowering): void {
  const value = m.read(1);
  const count = m.let(m.operandSize(0) === 64 ? i64.popcnt(value) : i32.popcnt(value));
  m.write(0, count);
  const isZero = m.operandSize(0) === 64 ? i64.eqz(value) : i32.eqz(value);
  // Only ZF can be set; the other five flags are cleared.
  setFlagsFromByte(m, i32.shl(isZero, i32.const(6)), i32.const(0));
}

const forms = (opcode: string, extension: number, lock: string): string[] => [
  `0f ${opcode} Ev,Gv${lock}`,
  `0f ba/${extension} Ev,Ib${lock}`,
];

export const BITS = [
  instruction("bt", forms("a3", 4, ""), bitTest("none")),
  instruction("bts", forms("ab", 5, " lock"), bitTest("set")),
  instruction("btr", forms("b3", 6, " lock"), bitTest("reset")),
  instruction("btc", forms("bb", 7, " lock"), bitTest("complement")),
  instruction("bsf", ["0f bc Gv,Ev"], scan(false)),
  instruction("bsr", ["0f bd Gv,Ev"], scan(true)),
  instruction("popcnt", ["f3 0f b8 Gv,Ev"], popcnt),
];
