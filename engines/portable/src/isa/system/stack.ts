// PUSH POP ENTER LEAVE PUSHF POPF PUSHA POPA. SDM volume 2. In 64-bit mode they are emitted here, and in
// legacy modes where the stack is 32 bits wide; narrower ones go through core/segments/stack.ts.

import { type Expr, i32, i64 } from "../../encoder/expressions.ts";
import { CPU_MODE, CPU_SEG, MODE_STACK32, SEG_SIZE, SEG_SS } from "../../layout.ts";
import { instruction, type Lowering } from "../lowering.ts";

const RSP = 4;
const RBP = 5;

/** Pushes a value of the form's operand size (64-bit mode). RSP changes only after the store went through. */
export function push64(m: Lowering, value: Expr): void {
  const bits = value.type === "i64" ? 64 : 16;
  const sp = m.let(i64.sub(m.gpr(RSP, 64), i64.const(bits / 8)));
  m.store(sp, bits, value);
  m.setGpr(RSP, 64, sp);
}

/** Reads the top of the stack without moving RSP (64-bit mode). */
export const top64 = (m: Lowering, bits: 16 | 64): Expr => m.load(m.gpr(RSP, 64), bits);

export function moveStackPointer(m: Lowering, bytes: Expr): void {
  m.setGpr(RSP, 64, i64.add(m.gpr(RSP, 64), bytes));
}

const width = (m: Lowering): 16 | 64 => (m.size === 16 ? 16 : 64);

const push = (m: Lowering): void => push64(m, m.let(m.read(0, width(m))));

/** POP to memory computes the address after RSP moved; POP RSP keeps the popped value. */
function pop(m: Lowering): void {
  const bits = width(m);
  const value = top64(m, bits);
  if (!m.isMemory(0)) {
    moveStackPointer(m, i64.const(bits / 8));
    m.write(0, value, bits);
    return;
  }
  const old = m.gpr(RSP, 64);
  moveStackPointer(m, i64.const(bits / 8));
  const address = m.linearAddress(0);
  m.setGpr(RSP, 64, old);
  m.store(address, bits, value);
  moveStackPointer(m, i64.const(bits / 8));
}

function leave(m: Lowering): void {
  const bp = m.gpr(RBP, 64);
  const value = m.load(bp, width(m));
  m.setGpr(RSP, 64, i64.add(bp, i64.const(width(m) / 8)));
  m.setGpr(RBP, width(m), value);
}

const operandBytes = (m: Lowering): Expr => i32.const(m.size / 8);
const wide = (m: Lowering, value: Expr): Expr => (value.type === "i64" ? value : m.let(i64.extend32U(value)));

/**
 * Legacy modes: `plain` where the operand has 32 bits and the stack pointer too, which is what protected mode runs with, and
 * `general`, which is in the core, for all else.
 */
export function withStack32(m: Lowering, plain: () => void, general: () => void): void {
  if (m.size !== 32) return general();
  const isNarrow = i32.eqz(i32.and(i32.load(m.cpu(), CPU_MODE), i32.const(MODE_STACK32)));
  if (!m.mayDefer) return m.if(isNarrow, general, plain);
  m.deferIf(isNarrow, "narrow stack");
  plain();
}

/** Linear address in a segment of an offset of 32 bits. */
export function linear32(m: Lowering, segment: number, offset: Expr): Expr {
  const base = m.field(CPU_SEG + segment * SEG_SIZE, "i64");
  return m.let(i64.and(i64.add(base, i64.extend32U(offset)), i64.const(0xffff_ffffn)));
}

export function push32(m: Lowering, value: Expr): void {
  const sp = m.let(i32.sub(m.gpr(RSP, 32), i32.const(4)));
  m.store(linear32(m, SEG_SS, sp), 32, value);
  m.setGpr(RSP, 32, sp);
}

/** Reads the top of the stack without moving ESP. */
export const top32 = (m: Lowering): Expr => m.load(linear32(m, SEG_SS, m.gpr(RSP, 32)), 32);

/** Legacy PUSH of any operand. */
function pushLegacy(m: Lowering): void {
  const value = m.read(0, m.size);
  withStack32(
    m,
    () => push32(m, value),
    () => m.system("pushLegacy", wide(m, value), operandBytes(m)),
  );
}

function popLegacy(m: Lowering): void {
  if (!m.isMemory(0))
    withStack32(
      m,
      () => popRegister32(m),
      () => popGeneral(m),
    );
  else popGeneral(m);
}

function popRegister32(m: Lowering): void {
  const value = top32(m);
  m.setGpr(RSP, 32, i32.add(m.gpr(RSP, 32), i32.const(4)));
  m.write(0, value);
}

function leave32(m: Lowering): void {
  const bp = m.gpr(RBP, 32);
  const value = m.load(linear32(m, SEG_SS, bp), 32);
  m.setGpr(RSP, 32, i32.add(bp, i32.const(4)));
  m.setGpr(RBP, 32, value);
}

function popGeneral(m: Lowering): void {
  if (m.isMemory(0)) m.system("popLegacyToMemory", m.linearAddress(0), operandBytes(m));
  else m.system("popLegacyToRegister", m.slot(0), operandBytes(m));
}

const SEGMENT_PUSH: readonly [string, string, number][] = [
  ["06", "07", 0],
  ["0e", "", 1],
  ["16", "17", 2],
  ["1e", "1f", 3],
];
const SEGMENT_PUSH_64: readonly [string, string, number][] = [
  ["0f a0", "0f a1", 4],
  ["0f a8", "0f a9", 5],
];

const segmentStack = [
  ...SEGMENT_PUSH.flatMap(([pushOp, popOp, n]) => segmentForms(pushOp, popOp, n, "v i64")),
  ...SEGMENT_PUSH_64.flatMap(([pushOp, popOp, n]) => segmentForms(pushOp, popOp, n, "v d64 stack")),
];

function segmentForms(pushOp: string, popOp: string, n: number, options: string) {
  const forms = [
    instruction("push sreg", [`${pushOp} ${options}`], (m) =>
      m.system("pushSegment", i32.const(n), operandBytes(m)),
    ),
  ];
  if (popOp)
    forms.push(
      instruction("pop sreg", [`${popOp} ${options} shadow`], (m) =>
        m.system("popSegment", i32.const(n), operandBytes(m)),
      ),
    );
  return forms;
}

export const STACK = [
  instruction(
    "push",
    ["50+r Zv o64 d64 stack", "ff/6 Ev o64 d64 stack", "68 Iz v o64 d64 stack", "6a Ibs o64 d64 stack"],
    push,
  ),
  instruction("pop", ["58+r Zv o64 d64 stack", "8f/0 Ev o64 d64 stack"], pop),
  instruction("push", ["50+r Zv i64", "ff/6 Ev i64", "68 Iz v i64", "6a Ibs i64"], pushLegacy),
  instruction("pop", ["58+r Zv i64", "8f/0 Ev i64"], popLegacy),
  instruction("leave", ["c9 v o64 d64 stack"], leave),
  instruction("leave", ["c9 v i64"], (m) =>
    withStack32(
      m,
      () => leave32(m),
      () => m.system("leaveLegacy", operandBytes(m)),
    ),
  ),
  instruction("enter", ["c8 Iw,Ib v d64 stack"], (m) => {
    const both = m.read(0, 32);
    m.system("enter", i32.and(both, i32.const(0xffff)), i32.shrU(both, i32.const(16)), operandBytes(m));
  }),
  instruction("pushf", ["9c v d64 stack"], (m) => m.system("pushFlags", operandBytes(m))),
  instruction("popf", ["9d v d64 stack"], (m) => m.system("popFlags", operandBytes(m))),
  instruction("pusha", ["60 v i64"], (m) => m.system("pushAll", operandBytes(m))),
  instruction("popa", ["61 v i64"], (m) => m.system("popAll", operandBytes(m))),
  ...segmentStack,
];
