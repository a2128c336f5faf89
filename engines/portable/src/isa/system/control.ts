// JMP Jcc CALL RET LOOP JCXZ, far transfers, INT IRET, SYSCALL SYSRET SYSENTER SYSEXIT, HLT. SDM volume 2. Near transfers of
// 64-bit mode are emitted here, everything that can change mode or privilege is in the core.

import { type Expr, i32, i64 } from "../../encoder/expressions.ts";
import { condition } from "../flags.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";
import { CPU_RIP, CPU_SEG, SEG_CS, SEG_SIZE } from "../../layout.ts";
import { linear32, moveStackPointer, push32, push64, top32, top64, withStack32 } from "./stack.ts";

const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
const GENERAL_PROTECTION = 13;
const RSP = 4;
const hex = (n: number): string => n.toString(16).padStart(2, "0");
const operandBytes = (m: Lowering) => i32.const(m.size / 8);
const wide = (m: Lowering, value: Expr): Expr => (value.type === "i64" ? value : m.let(i64.extend32U(value)));

/** A target outside the canonical addresses is this instruction's fault, before it changed anything. */
function checkTarget(m: Lowering, target: Expr): void {
  const canonical = i64.shrS(i64.shl(target, i64.const(16)), i64.const(16));
  m.faultIf(i64.ne(canonical, target), GENERAL_PROTECTION);
}

function call(m: Lowering): void {
  push64(m, m.nextRip());
  m.jump();
}

function jumpIndirect(m: Lowering): void {
  const target = m.read(0, 64);
  checkTarget(m, target);
  m.jumpTo(target);
}

function callIndirect(m: Lowering): void {
  const target = m.read(0, 64);
  checkTarget(m, target);
  push64(m, m.nextRip());
  m.jumpTo(target);
}

function ret(m: Lowering): void {
  const target = top64(m, 64);
  checkTarget(m, target);
  const extra = m.operandCount === 0 ? i64.const(8) : i64.add(i64.const(8), i64.extend32U(m.read(0, 16)));
  moveStackPointer(m, extra);
  m.jumpTo(target);
}

/** Jumps to an offset in the code segment (32-bit operands). */
const jumpTo32 = (m: Lowering, offset: Expr): void => m.jumpTo(linear32(m, SEG_CS, offset));

/** What a call pushes: the offset of the next instruction in the code segment. */
function returnOffset32(m: Lowering): Expr {
  const base = m.field(CPU_SEG + SEG_CS * SEG_SIZE, "i64");
  return m.let(i32.wrap(i64.sub(m.nextRip(), base)));
}

function jumpLegacy(m: Lowering): void {
  if (m.size === 32) jumpTo32(m, m.read(0));
  else m.system("jumpLegacy", wide(m, m.read(0)), operandBytes(m));
}

function callLegacy(m: Lowering): void {
  withStack32(
    m,
    () => push32(m, returnOffset32(m)),
    () => m.system("pushReturnLegacy", operandBytes(m)),
  );
  m.jump();
}

function callIndirectLegacy(m: Lowering): void {
  const target = m.read(0);
  const plain = (): void => {
    push32(m, returnOffset32(m));
    jumpTo32(m, target);
  };
  withStack32(m, plain, () => m.system("callLegacy", wide(m, target), operandBytes(m)));
}

const returnLegacy = (m: Lowering): void => {
  const extra = m.operandCount === 0 ? i32.const(0) : m.read(0, 32);
  const plain = (): void => {
    const target = top32(m);
    m.setGpr(RSP, 32, i32.add(m.gpr(RSP, 32), i32.add(extra, i32.const(4))));
    jumpTo32(m, target);
  };
  withStack32(m, plain, () => m.system("returnLegacy", extra, operandBytes(m)));
};

/** LOOP, LOOPE, LOOPNE count in the register of the address size. */
const loop = (kind: "loop" | "loope" | "loopne") => (m: Lowering) => {
  const count = m.let(i64.sub(m.countRegister(), i64.const(1)));
  m.setCountRegister(count);
  const more = i32.eqz(i64.eqz(m.countRegister()));
  if (kind === "loop") m.jumpIf(more);
  else m.jumpIf(i32.and(more, condition(m, kind === "loope" ? 4 : 5)));
};

const indirectFar = (name: string) => (m: Lowering) => {
  const address = m.linearAddress(0);
  const offset = m.size === 64 ? m.load(address, 64) : i64.extend32U(m.load(address, m.size));
  const selector = m.load(i64.add(address, i64.const(m.size / 8)), 16);
  m.system(name, selector, m.let(offset), operandBytes(m));
};

const directFar = (name: string) => (m: Lowering) => {
  const pointer = m.read(0, 64);
  const offset = i64.and(pointer, i64.const(0xffff_ffffn));
  m.system(name, i32.wrap(i64.shrU(pointer, i64.const(32))), offset, operandBytes(m));
};

/** A transfer that the core carries out; where it lets the jump to the new RIP be done here, that is a linear address. */
const arriving = (name: string) => (m: Lowering) => {
  m.system(name, operandBytes(m));
  m.jumpTo(m.field(CPU_RIP, "i64"));
};

export const CONTROL: readonly Instruction[] = [
  instruction("jmp", ["eb Jb z end", "e9 Jz end"], (m) => m.jump()),
  instruction("jmp", ["ff/4 Ev o64 f64 end"], jumpIndirect),
  instruction("jmp", ["ff/4 Ev i64 end"], jumpLegacy),
  ...CONDITIONS.map((cc, code) =>
    instruction(`j${cc}`, [`${hex(0x70 + code)} Jb z`, `0f ${hex(0x80 + code)} Jz`], (m) =>
      m.jumpIf(condition(m, code)),
    ),
  ),
  instruction("jcxz", ["e3 Jb z"], (m) => m.jumpIf(i64.eqz(m.countRegister()))),
  instruction("loop", ["e2 Jb z"], loop("loop")),
  instruction("loope", ["e1 Jb z"], loop("loope")),
  instruction("loopne", ["e0 Jb z"], loop("loopne")),
  instruction("call", ["e8 Jz o64 end stack"], call),
  instruction("call", ["ff/2 Ev o64 f64 end stack"], callIndirect),
  instruction("call", ["e8 Jz v i64 end"], callLegacy),
  instruction("call", ["ff/2 Ev i64 end"], callIndirectLegacy),
  instruction("ret", ["c3 o64 end stack", "c2 Iw o64 end stack"], ret),
  instruction("ret", ["c3 v i64 end", "c2 Iw v i64 end"], returnLegacy),
  instruction("jmp far", ["ff/5m Mp v end"], indirectFar("farJump")),
  instruction("call far", ["ff/3m Mp v end stack"], indirectFar("farCall")),
  instruction("jmp far", ["ea Ip v i64 end"], directFar("farJump")),
  instruction("call far", ["9a Ip v i64 end"], directFar("farCall")),
  instruction("ret far", ["cb v end stack"], (m) => m.system("farReturn", i32.const(0), operandBytes(m))),
  instruction("ret far", ["ca Iw v end stack"], (m) => m.system("farReturn", m.read(0, 32), operandBytes(m))),
  instruction("iret", ["cf v end stack"], arriving("interruptReturn")),
  instruction("int3", ["cc end"], (m) => m.system("softwareInterrupt", i32.const(3))),
  instruction("int", ["cd Ib end"], (m) => m.system("softwareInterrupt", m.read(0, 8))),
  instruction("int1", ["f1 end"], (m) => m.system("debugInterrupt")),
  instruction("into", ["ce i64"], (m) =>
    m.if(condition(m, 0), () => m.system("softwareInterrupt", i32.const(4))),
  ),
  instruction("bound", ["62 Gz,Mp i64"], (m) =>
    m.system("bound", m.slot(0), m.linearAddress(1), operandBytes(m)),
  ),
  instruction("syscall", ["0f 05 end"], arriving("syscall")),
  instruction("sysret", ["0f 07 y end"], arriving("sysret")),
  instruction("sysenter", ["0f 34 end"], (m) => m.system("sysenter")),
  instruction("sysexit", ["0f 35 y end"], (m) => m.system("sysexit", operandBytes(m))),
  instruction("hlt", ["f4 end"], (m) => m.system("halt")),
  instruction("ud2", ["0f 0b end", "0f b9 Gv,Ev end", "0f ff Gv,Ev end"], (m) =>
    m.system("undefinedInstruction"),
  ),
];
