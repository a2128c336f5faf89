// MOV MOVZX MOVSX MOVSXD LEA XCHG BSWAP CMOVcc SETcc CBW CWD LAHF SAHF, flag instructions, XLAT, NOP. SDM volume 2.

import { i32, i64, select } from "../../encoder/expressions.ts";
import { CPU_FLAGS_OTHER, FLAG_DF } from "../../layout.ts";
import { carry, condition, lowFlags, overflow, setFlagsFromByte, signExtend } from "../flags.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";

const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
const hex = (n: number): string => n.toString(16).padStart(2, "0");

const mov = (m: Lowering): void => m.write(0, m.read(1, m.operandSize(0)));

function movzx(m: Lowering): void {
  const value = m.read(1);
  m.write(0, m.operandSize(0) === 64 ? i64.extend32U(value) : value);
}

function movsx(m: Lowering): void {
  const extended = signExtend(m.read(1), m.operandSize(1));
  m.write(0, m.operandSize(0) === 64 ? extended : i32.wrap(extended));
}

/** MOVSXD without REX.W only copies. */
function movsxd(m: Lowering): void {
  const value = m.read(1, m.operandSize(0) === 16 ? 16 : 32);
  m.write(0, m.operandSize(0) === 64 ? i64.extend32S(value) : value);
}

function lea(m: Lowering): void {
  const address = m.effectiveAddress(1);
  m.write(0, m.operandSize(0) === 64 ? address : i32.wrap(address));
}

function xchg(m: Lowering): void {
  const a = m.readForWrite(0);
  const b = m.read(1);
  m.write(0, b);
  m.write(1, a);
}

function bswap(m: Lowering): void {
  const value = m.read(0);
  if (m.operandSize(0) === 64) {
    const high = m.let(swap32(m, i32.wrap(value)));
    const low = m.let(swap32(m, i32.wrap(i64.shrU(value, i64.const(32)))));
    m.write(0, i64.or(i64.shl(i64.extend32U(high), i64.const(32)), i64.extend32U(low)));
  } else {
    // A 16-bit operand is undefined; processors give zero.
    m.write(0, m.operandSize(0) === 16 ? i32.const(0) : swap32(m, value));
  }
}

function swap32(m: Lowering, value: ReturnType<typeof i32.wrap>) {
  const v = m.let(value);
  return i32.or(
    i32.and(i32.rotl(v, i32.const(8)), i32.const(0x00ff_00ff)),
    i32.and(i32.rotr(v, i32.const(8)), i32.const(0xff00_ff00 | 0)),
  );
}

const cmov = (code: number) => (m: Lowering) => {
  const source = m.read(1);
  m.write(0, select(source, m.read(0), condition(m, code)));
};

const setcc = (code: number) => (m: Lowering) => m.write(0, condition(m, code));

/** CBW, CWDE, CDQE. */
function convertAccumulator(m: Lowering): void {
  if (m.size === 16) m.setGpr(0, 16, i32.extend8(m.gpr(0, 8)));
  else if (m.size === 32) m.setGpr(0, 32, i32.extend16(m.gpr(0, 16)));
  else m.setGpr(0, 64, i64.extend32S(m.gpr(0, 32)));
}

/** CWD, CDQ, CQO. */
function convertToPair(m: Lowering): void {
  const a = m.gpr(0, m.size);
  if (m.size === 16) m.setGpr(2, 16, i32.shrS(i32.extend16(a), i32.const(15)));
  else if (m.size === 32) m.setGpr(2, 32, i32.shrS(a, i32.const(31)));
  else m.setGpr(2, 64, i64.shrS(a, i64.const(63)));
}

function lahf(m: Lowering): void {
  m.setGpr(0, 16, i32.or(i32.shl(lowFlags(m), i32.const(8)), m.gpr(0, 8)));
}

function sahf(m: Lowering): void {
  const ah = m.let(i32.shrU(m.gpr(0, 16), i32.const(8)));
  setFlagsFromByte(m, ah, m.let(overflow(m)));
}

const setDirection = (set: boolean) => (m: Lowering) => {
  const other = m.field(CPU_FLAGS_OTHER, "i32");
  m.setField(CPU_FLAGS_OTHER, set ? i32.or(other, i32.const(FLAG_DF)) : i32.and(other, i32.const(~FLAG_DF)));
};

const conditional = (
  name: string,
  opcode: number,
  operands: string,
  lower: (code: number) => (m: Lowering) => void,
) =>
  CONDITIONS.map((cc, code) =>
    instruction(`${name}${cc}`, [`0f ${hex(opcode + code)} ${operands}`], lower(code)),
  );

export const MOVE: readonly Instruction[] = [
  instruction(
    "mov",
    [
      "88 Eb,Gb",
      "89 Ev,Gv",
      "8a Gb,Eb",
      "8b Gv,Ev",
      "a0 AL,Ob",
      "a1 rAX,Ov",
      "a2 Ob,AL",
      "a3 Ov,rAX",
      "b0+r Zb,Ib",
      "b8+r Zv,Iv",
      "c6/0 Eb,Ib",
      "c7/0 Ev,Iz",
    ],
    mov,
  ),
  instruction("movzx", ["0f b6 Gv,Eb", "0f b7 Gv,Ew"], movzx),
  instruction("movsx", ["0f be Gv,Eb", "0f bf Gv,Ew"], movsx),
  instruction("movsxd", ["63 Gv,Ed o64"], movsxd),
  instruction("movnti", ["np 0f c3 My,Gy"], mov),
  instruction("lea", ["8d Gv,Mp"], lea),
  instruction("xchg", ["86 Eb,Gb lock", "87 Ev,Gv lock", "90+r Zv,rAX"], xchg),
  instruction(
    "nop",
    [
      "0f 1f Ev",
      "0f 18/4 Ev",
      "0f 18/5 Ev",
      "0f 18/6 Ev",
      "0f 18/7 Ev",
      "0f 19 Ev",
      "0f 1a Ev",
      "0f 1b Ev",
      "0f 1c Ev",
      "0f 1d Ev",
      "0f 1e Ev",
    ],
    () => {},
  ),
  instruction("bswap", ["0f c8+r Zv"], bswap),
  ...conditional("cmov", 0x40, "Gv,Ev", cmov),
  ...conditional("set", 0x90, "Eb", setcc),
  instruction("cbw/cwde/cdqe", ["98 v"], convertAccumulator),
  instruction("cwd/cdq/cqo", ["99 v"], convertToPair),
  instruction("lahf", ["9f"], lahf),
  instruction("sahf", ["9e"], sahf),
  instruction("clc", ["f8"], (m) => m.setCarry(m.let(i32.const(0)))),
  instruction("stc", ["f9"], (m) => m.setCarry(m.let(i32.const(1)))),
  instruction("cmc", ["f5"], (m) => m.setCarry(m.let(i32.eqz(carry(m))))),
  instruction("cld", ["fc"], setDirection(false)),
  instruction("std", ["fd"], setDirection(true)),
  instruction("salc", ["d6 i64"], (m) => m.setGpr(0, 8, i32.sub(i32.const(0), carry(m)))),
];
