// RFLAGS as a whole: the lazily kept arithmetic flags (see isa/flags.ts) joined with the others.

import {
  CPU_FLAG_AUX, CPU_FLAG_RESULT, CPU_FLAGS_OTHER, FLAGS_ADD, FLAGS_DEC, FLAGS_EXPLICIT, FLAGS_IMUL, FLAGS_INC, FLAG_AF, FLAG_CF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_ZF, FLAGS_ARITHMETIC,
} from "../layout";
import { mulHighS } from "./integer/products";

export function getFlags(cpu: usize): u32 {
  const result = load<u64>(cpu, CPU_FLAG_RESULT);
  const aux = load<u32>(cpu, CPU_FLAG_AUX);
  let flags: u32 = load<u32>(cpu, CPU_FLAGS_OTHER) | 2;
  if (aux >> 31) flags |= FLAG_CF;
  if ((aux + 0x4000_0000) >> 31) flags |= FLAG_OF;
  if (aux & 8) flags |= FLAG_AF;
  if (result == 0) flags |= FLAG_ZF;
  if ((<u32>(result >> 63) ^ (aux & 1)) != 0) flags |= FLAG_SF;
  if ((popcnt<u32>((<u32>result ^ (aux >> 8)) & 0xff) & 1) == 0) flags |= FLAG_PF;
  return flags;
}

export function setFlags(cpu: usize, flags: u32): void {
  setArithmeticFlags(cpu, flags);
  store<u32>(cpu, flags & ~(FLAGS_ARITHMETIC | 2), CPU_FLAGS_OTHER);
}

/** Replaces CF, PF, AF, ZF, SF, OF and keeps the rest. */
export function setArithmeticFlags(cpu: usize, flags: u32): void {
  const cf = flags & FLAG_CF;
  const overflow: u32 = (flags & FLAG_OF) != 0 ? 1 : 0;
  let aux: u32 = (cf << 31) | ((cf ^ overflow) << 30);
  if ((flags & FLAG_AF) != 0) aux |= 8;
  if ((flags & FLAG_PF) == 0) aux |= 0x100;
  if ((flags & FLAG_SF) != 0) aux |= 1;
  store<u64>(cpu, (flags & FLAG_ZF) != 0 ? 0 : 0x100, CPU_FLAG_RESULT);
  store<u32>(cpu, aux, CPU_FLAG_AUX);
}

/** Writes flags held as FLAGS_* with the operands `a` and `b`: for INC and DEC `b` is the carry they keep. Answers 0. */
export function storeFlags(cpu: usize, kind: u32, a: u64, b: u64): u32 {
  if (kind == FLAGS_EXPLICIT) {
    store<u64>(cpu, a, CPU_FLAG_RESULT);
    store<u32>(cpu, <u32>b, CPU_FLAG_AUX);
    return 0;
  }
  const operation = ((kind - 1) & ~3) + 1;
  const unused: u64 = 64 - ((<u64>8) << ((kind - 1) & 3));
  if (operation == FLAGS_IMUL) {
    storeProductFlags(cpu, (<i64>(a << unused)) >> unused, (<i64>(b << unused)) >> unused, unused);
    return 0;
  }
  const adds = operation == FLAGS_ADD || operation == FLAGS_INC;
  const keepsCarry = operation == FLAGS_INC || operation == FLAGS_DEC;
  const second = keepsCarry ? 1 : b;
  const result = adds ? a + second : a - second;
  const carries = adds ? (a & second) | ((a | second) & ~result) : (~a & second) | ((~a | second) & result);
  let aux = (<u32>((carries << unused) >> 32) & 0xc000_0000) | (<u32>carries & 8);
  if (keepsCarry) {
    const carry = <u32>b;
    const overflow = (aux + 0x4000_0000) >> 31;
    aux = (aux & 0x3fff_ffff) | (carry << 31) | ((carry ^ overflow) << 30);
  }
  store<u64>(cpu, <u64>((<i64>(result << unused)) >> unused), CPU_FLAG_RESULT);
  store<u32>(cpu, aux, CPU_FLAG_AUX);
  return 0;
}

/** CF and OF say whether a product of signed numbers needs more than 64 - `unused` bits. */
function storeProductFlags(cpu: usize, a: i64, b: i64, unused: u64): void {
  const product = a * b;
  const low = (product << unused) >> unused;
  const over = unused == 0 ? <i64>mulHighS(a, b) != product >> 63 : low != product;
  store<u64>(cpu, <u64>low, CPU_FLAG_RESULT);
  store<u32>(cpu, over ? 0x8000_0000 : 0, CPU_FLAG_AUX);
}

/** CF of flags held as FLAGS_*; the vCPU's own fields are lost. */
export function carryOfFlags(cpu: usize, kind: u32, a: u64, b: u64): u32 {
  storeFlags(cpu, kind, a, b);
  return load<u32>(cpu, CPU_FLAG_AUX) >> 31;
}
