// Moves between vector registers, memory, MMX and general registers. SDM volume 2: MOVAPS MOVUPS MOVDQA MOVDQU LDDQU MOVNT*
// MOVSS MOVSD MOVLPS MOVHPS MOVLHPS MOVHLPS MOVSLDUP MOVSHDUP MOVDDUP MOVD MOVQ MOVMSKPS PMOVMSKB MASKMOVDQU.
// Non-temporal moves are ordinary ones: caches are not modelled.

import { i32, i64 } from "../../encoder/expressions.ts";
import { instruction, type Lowering } from "../lowering.ts";
import { bits, i32x4, i64x2, i8x16, ZERO } from "./lanes.ts";
import { alignedAddress, fromI64, lowHalf, mergeLow, readLow, readVector } from "./operands.ts";

/** Aligned where the operand is memory, whichever side that is. */
function moveAligned(m: Lowering): void {
  if (!m.isMemory(0)) m.write(0, readVector(m, 1));
  else m.store(alignedAddress(m, 0), 128, m.read(1));
}

function moveUnaligned(m: Lowering): void {
  m.write(0, m.read(1));
}

/** MOVSS, MOVSD: a load clears the rest of the register, a move between registers keeps it. */
const moveScalar =
  (laneBits: 32 | 64) =>
  (m: Lowering): void => {
    if (m.isMemory(0)) m.write(0, m.read(1, laneBits));
    else if (m.isMemory(1))
      m.write(0, laneBits === 64 ? fromI64(m.read(1)) : i32x4.replace(ZERO, 0, m.read(1)));
    else m.write(0, mergeLow(laneBits, m.read(1, 128), m.read(0, 128)), 128);
  };

function loadLow(m: Lowering): void {
  const value = m.read(1, 64);
  m.write(0, i64x2.replace(m.read(0), 0, value));
}

function loadHigh(m: Lowering): void {
  const value = m.read(1, 64);
  m.write(0, i64x2.replace(m.read(0), 1, value));
}

const storeHalf =
  (half: 0 | 1) =>
  (m: Lowering): void =>
    m.write(0, i64x2.extract(m.read(1), half));

/** V's low half from the high half of U. */
function moveHighToLow(m: Lowering): void {
  m.write(0, i64x2.replace(m.read(0), 0, i64x2.extract(m.read(1), 1)));
}

const spread =
  (lanes: readonly number[]) =>
  (m: Lowering): void => {
    const value = m.operandSize(1) === 128 ? readVector(m, 1) : readLow(m, 1);
    m.write(
      0,
      bits.shuffle(
        value,
        value,
        lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte)),
      ),
    );
  };

/** MOVD and MOVQ from a general register or memory: zero above. */
function moveFromGeneral(m: Lowering): void {
  const value = m.read(1);
  m.write(0, value.type === "i64" ? fromI64(value) : i32x4.replace(ZERO, 0, value));
}

function moveToGeneral(m: Lowering): void {
  const value = m.read(1);
  m.write(0, m.operandSize(0) === 64 ? i64x2.extract(value, 0) : i32x4.extract(value, 0));
}

/** MOVQ: the low half, zero above when a register is written. */
function moveQuad(m: Lowering): void {
  if (m.isMemory(0)) m.write(0, i64x2.extract(m.read(1, 128), 0));
  else m.write(0, m.isMemory(1) ? fromI64(m.read(1)) : lowHalf(m.read(1, 128)), 128);
}

const mask =
  (bitmask: typeof i8x16.bitmask) =>
  (m: Lowering): void =>
    m.write(0, bitmask(m.read(1)));

/** MASKMOVDQU stores to rDI the bytes whose mask byte is negative; the core finds the address and writes. */
function maskedMove(m: Lowering): void {
  const data = m.read(0);
  const selected = m.let(i64.extend32U(i8x16.bitmask(m.read(1))));
  m.system("storeMasked", selected, i64x2.extract(data, 0), i64x2.extract(data, 1), i32.const(16));
}

export const SSE_MOVE = [
  instruction("movaps", ["np 0f 28 Vx,Wx", "np 0f 29 Wx,Vx"], moveAligned),
  instruction("movapd", ["66 0f 28 Vx,Wx", "66 0f 29 Wx,Vx"], moveAligned),
  instruction("movdqa", ["66 0f 6f Vx,Wx", "66 0f 7f Wx,Vx"], moveAligned),
  instruction("movups", ["np 0f 10 Vx,Wx", "np 0f 11 Wx,Vx"], moveUnaligned),
  instruction("movupd", ["66 0f 10 Vx,Wx", "66 0f 11 Wx,Vx"], moveUnaligned),
  instruction("movdqu", ["f3 0f 6f Vx,Wx", "f3 0f 7f Wx,Vx"], moveUnaligned),
  instruction("lddqu", ["f2 0f f0 Vx,Mx"], moveUnaligned),
  instruction("movntps", ["np 0f 2b Mx,Vx"], moveAligned),
  instruction("movntpd", ["66 0f 2b Mx,Vx"], moveAligned),
  instruction("movntdq", ["66 0f e7 Mx,Vx"], moveAligned),
  instruction("movntdqa", ["66 0f 38 2a Vx,Mx"], moveAligned),
  instruction("movss", ["f3 0f 10 Vx,Wd", "f3 0f 11 Wd,Vx"], moveScalar(32)),
  instruction("movsd", ["f2 0f 10 Vx,Wq", "f2 0f 11 Wq,Vx"], moveScalar(64)),
  instruction("movlps", ["np 0f 12 Vx,Mq"], loadLow),
  instruction("movlpd", ["66 0f 12 Vx,Mq"], loadLow),
  instruction("movhps", ["np 0f 16 Vx,Mq"], loadHigh),
  instruction("movhpd", ["66 0f 16 Vx,Mq"], loadHigh),
  instruction("movlps", ["np 0f 13 Mq,Vx"], storeHalf(0)),
  instruction("movlpd", ["66 0f 13 Mq,Vx"], storeHalf(0)),
  instruction("movhps", ["np 0f 17 Mq,Vx"], storeHalf(1)),
  instruction("movhpd", ["66 0f 17 Mq,Vx"], storeHalf(1)),
  instruction("movhlps", ["np 0f 12 Vx,Ux"], moveHighToLow),
  instruction("movlhps", ["np 0f 16 Vx,Ux"], loadHigh),
  instruction("movsldup", ["f3 0f 12 Vx,Wx"], spread([0, 0, 2, 2])),
  instruction("movshdup", ["f3 0f 16 Vx,Wx"], spread([1, 1, 3, 3])),
  instruction("movddup", ["f2 0f 12 Vx,Wq"], spread([0, 1, 0, 1])),
  instruction("movd", ["66 0f 6e Vx,Ey"], moveFromGeneral),
  instruction("movd", ["66 0f 7e Ey,Vx"], moveToGeneral),
  instruction("movq", ["f3 0f 7e Vx,Wq", "66 0f d6 Wq,Vx"], moveQuad),
  instruction("movmskps", ["np 0f 50 Gd,Ux"], mask(i32x4.bitmask)),
  instruction("movmskpd", ["66 0f 50 Gd,Ux"], mask(i64x2.bitmask)),
  instruction("pmovmskb", ["66 0f d7 Gd,Ux"], mask(i8x16.bitmask)),
  instruction("maskmovdqu", ["66 0f f7 Vx,Ux string"], maskedMove),
];
