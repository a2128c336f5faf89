// ADD ADC SUB SBB CMP INC DEC NEG AND OR XOR TEST NOT, XADD CMPXCHG CMPXCHG8B CMPXCHG16B. SDM volume 2.

import { type Expr, i32, i64 } from "../../encoder/expressions.ts";
import {
  carry,
  lowFlags,
  overflow,
  setFlagsAdd,
  setFlagsAddWithCarry,
  setFlagsFromByte,
  setFlagsLogic,
  setFlagsStep,
  setFlagsSub,
  setFlagsSubWithBorrow,
} from "../flags.ts";
import { instruction, type Lowering } from "../lowering.ts";

/** The six forms shared by the eight classic operations; `base` is the opcode of the first. */
function classicForms(base: number, extension: number, lock: boolean): string[] {
  const at = (n: number) => (base + n).toString(16).padStart(2, "0");
  const l = lock ? " lock" : "";
  return [
    `${at(0)} Eb,Gb${l}`,
    `${at(1)} Ev,Gv${l}`,
    `${at(2)} Gb,Eb`,
    `${at(3)} Gv,Ev`,
    `${at(4)} AL,Ib`,
    `${at(5)} rAX,Iz`,
    `80/${extension} Eb,Ib${l}`,
    `81/${extension} Ev,Iz${l}`,
    `83/${extension} Ev,Ibs${l}`,
    `82/${extension} Eb,Ib i64${l}`,
  ];
}

/** `Iz` is 32 bits wide and sign-extended where the operand is 64 bits: the micro-op holds it extended. */
const source = (m: Lowering): Expr => m.read(1, m.operandSize(0));
export const wide = (m: Lowering) => (m.operandSize(0) === 64 ? i64 : i32);
const extendCarry = (m: Lowering, c: Expr): Expr => (m.operandSize(0) === 64 ? i64.extend32U(c) : c);

function add(m: Lowering): void {
  const a = m.readForWrite(0);
  const b = source(m);
  const r = m.let(wide(m).add(a, b));
  m.write(0, r);
  setFlagsAdd(m, m.operandSize(0), a, b, r);
}

function adc(m: Lowering): void {
  const a = m.readForWrite(0);
  const b = source(m);
  const w = wide(m);
  const r = m.let(w.add(w.add(a, b), extendCarry(m, carry(m))));
  m.write(0, r);
  setFlagsAddWithCarry(m, m.operandSize(0), a, b, r);
}

function sub(m: Lowering): void {
  const a = m.readForWrite(0);
  const b = source(m);
  const r = m.let(wide(m).sub(a, b));
  m.write(0, r);
  setFlagsSub(m, m.operandSize(0), a, b, r);
}

function sbb(m: Lowering): void {
  const a = m.readForWrite(0);
  const b = source(m);
  const w = wide(m);
  const r = m.let(w.sub(w.sub(a, b), extendCarry(m, carry(m))));
  m.write(0, r);
  setFlagsSubWithBorrow(m, m.operandSize(0), a, b, r);
}

function cmp(m: Lowering): void {
  const a = m.read(0);
  const b = source(m);
  setFlagsSub(m, m.operandSize(0), a, b, m.let(wide(m).sub(a, b)));
}

const logic = (op: "and" | "or" | "xor") => (m: Lowering) => {
  const a = m.readForWrite(0);
  const r = m.let(wide(m)[op](a, source(m)));
  m.write(0, r);
  setFlagsLogic(m, m.operandSize(0), r);
};

function test(m: Lowering): void {
  const a = m.read(0);
  setFlagsLogic(m, m.operandSize(0), m.let(wide(m).and(a, source(m))));
}

/** INC and DEC leave CF alone. */
const step = (delta: 1 | -1) => (m: Lowering) => {
  const size = m.operandSize(0);
  const a = m.readForWrite(0);
  const one = size === 64 ? i64.const(1) : i32.const(1);
  const r = m.let(delta === 1 ? wide(m).add(a, one) : wide(m).sub(a, one));
  m.write(0, r);
  setFlagsStep(m, size, delta, a, r);
};

function neg(m: Lowering): void {
  const size = m.operandSize(0);
  const a = m.readForWrite(0);
  const zero = size === 64 ? i64.const(0) : i32.const(0);
  const r = m.let(wide(m).sub(zero, a));
  m.write(0, r);
  setFlagsSub(m, size, zero, a, r);
}

function not(m: Lowering): void {
  const a = m.readForWrite(0);
  m.write(0, m.operandSize(0) === 64 ? i64.xor(a, i64.const(-1n)) : i32.xor(a, i32.const(-1)));
}

function xadd(m: Lowering): void {
  const size = m.operandSize(0);
  const a = m.readForWrite(0);
  const b = m.read(1);
  const r = m.let(wide(m).add(a, b));
  if (m.isMemory(0)) {
    m.write(0, r);
    m.write(1, a);
  } else {
    m.write(1, a);
    m.write(0, r);
  }
  setFlagsAdd(m, size, a, b, r);
}

function cmpxchg(m: Lowering): void {
  const size = m.operandSize(0);
  const a = m.readForWrite(0);
  const accumulator = m.gpr(0, size);
  const b = m.read(1);
  const w = wide(m);
  const mask = size === 8 ? 0xff : 0xffff;
  const r = m.let(w.sub(accumulator, a));
  const equal = m.let(size < 32 ? i32.eqz(i32.and(r, i32.const(mask))) : w.eqz(r));
  // The destination is written in either case, as the manual says; a 32-bit accumulator only when they differ.
  m.if(
    equal,
    () => m.write(0, b),
    () => {
      if (m.isMemory(0)) m.write(0, a);
      m.setGpr(0, size, a);
    },
  );
  setFlagsSub(m, size, accumulator, a, r);
}

/** CMPXCHG8B and CMPXCHG16B: compare rDX:rAX with the operand, store rCX:rBX. Only ZF changes. */
function cmpxchgPair(m: Lowering): void {
  const wide64 = m.operandSize(0) === 64;
  const half = wide64 ? 64 : 32;
  const address = m.linearAddress(0);
  if (wide64) m.faultIf(i64.ne(i64.and(address, i64.const(15)), i64.const(0)), 13);
  m.system("checkWrite", address, i32.const((half / 8) * 2));
  const second = m.let(i64.add(address, i64.const(half / 8)));
  const low = m.load(address, half);
  const high = m.load(second, half);
  const w = wide64 ? i64 : i32;
  const equal = m.let(i32.and(w.eq(low, m.gpr(0, half)), w.eq(high, m.gpr(2, half))));
  m.if(
    equal,
    () => {
      m.store(address, half, m.gpr(3, half));
      m.store(second, half, m.gpr(1, half));
    },
    () => {
      m.store(address, half, low);
      m.store(second, half, high);
      m.setGpr(0, half, low);
      m.setGpr(2, half, high);
    },
  );
  setFlagsFromByte(
    m,
    i32.or(i32.and(lowFlags(m), i32.const(0xbf)), i32.shl(equal, i32.const(6))),
    overflow(m),
  );
}

export const ARITHMETIC = [
  instruction("add", classicForms(0x00, 0, true), add),
  instruction("or", classicForms(0x08, 1, true), logic("or")),
  instruction("adc", classicForms(0x10, 2, true), adc),
  instruction("sbb", classicForms(0x18, 3, true), sbb),
  instruction("and", classicForms(0x20, 4, true), logic("and")),
  instruction("sub", classicForms(0x28, 5, true), sub),
  instruction("xor", classicForms(0x30, 6, true), logic("xor")),
  instruction("cmp", classicForms(0x38, 7, false), cmp),
  instruction(
    "test",
    ["84 Eb,Gb", "85 Ev,Gv", "a8 AL,Ib", "a9 rAX,Iz", "f6/0 Eb,Ib", "f7/0 Ev,Iz", "f6/1 Eb,Ib", "f7/1 Ev,Iz"],
    test,
  ),
  instruction("inc", ["fe/0 Eb lock", "ff/0 Ev lock", "40+r Zv i64"], step(1)),
  instruction("dec", ["fe/1 Eb lock", "ff/1 Ev lock", "48+r Zv i64"], step(-1)),
  instruction("not", ["f6/2 Eb lock", "f7/2 Ev lock"], not),
  instruction("neg", ["f6/3 Eb lock", "f7/3 Ev lock"], neg),
  instruction("xadd", ["0f c0 Eb,Gb lock", "0f c1 Ev,Gv lock"], xadd),
  instruction("cmpxchg", ["0f b0 Eb,Gb lock", "0f b1 Ev,Gv lock"], cmpxchg),
  instruction("cmpxchg8b", ["0f c7/1m My lock"], cmpxchgPair),
];
