// FXSAVE and FXRSTOR: x87, MMX and SSE state in a 512-byte image. SDM volume 1, §10.5.
//
//   0 FCW │ 2 FSW │ 4 FTW, a bit a register │ 6 FOP │ 8 FIP │ 16 FDP │ 24 MXCSR │ 28 its mask │ 32 ST(0)… │ 160 XMM0…
//
// Bytes from 416 on are left alone. The SSE part, and MXCSR, are there only while CR4.OSFXSR is set; XMM8 to XMM15 only in
// 64-bit mode. Reserved bits of the words are dropped at a restore, except those of MXCSR, which fault.

import { CPU_FDP, CPU_FIP, CPU_FOP, CPU_FTW, CPU_MXCSR, CPU_XMM } from "../../layout";
import { hostForRead, hostForWrite, probeWrite } from "../mmu/access";
import { CR4_OSFXSR, cr4, FAULT, is64, NEXT, raiseAt, VECTOR_GP } from "../state";
import { probeImage } from "./x87-environment";
import { copy80, fcw, fsw, setControlAndStatus, stackRegister } from "./x87-state";

const IMAGE_BYTES: u32 = 512;
const AT_POINTERS: u32 = 16;
const AT_REGISTERS: u32 = 32;
const AT_XMM: u32 = 160;
/** Bits of MXCSR there are; denormals-are-zeros among them. */
const MXCSR_MASK: u32 = 0xffff;

function xmmCount(cpu: usize): u32 {
  if ((cr4(cpu) & CR4_OSFXSR) == 0) return 0;
  return is64(cpu) ? 16 : 8;
}

/** Host address of 16 bytes of an image that was probed; being aligned, they lie in one page. */
// @ts-ignore: decorator
@inline
function piece(cpu: usize, address: u64, offset: u32): usize {
  return hostForWrite(cpu, address + offset, 16);
}

function saveWords(cpu: usize, at: usize, wide: bool): void {
  store<u16>(at, <u16>fcw(cpu));
  store<u16>(at, <u16>fsw(cpu), 2);
  store<u16>(at, load<u8>(cpu, CPU_FTW), 4);
  store<u16>(at, load<u16>(cpu, CPU_FOP), 6);
  const fip = load<u64>(cpu, CPU_FIP);
  store<u64>(at, wide ? fip : fip & 0xffff_ffff, 8);
}

/** FXSAVE; `operandBytes` is 8 for FXSAVE64. */
export function fxSave(cpu: usize, uop: usize, address: u64, operandBytes: u32): u32 {
  if ((address & 15) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  if (!probeWrite(cpu, address, IMAGE_BYTES)) return FAULT;
  const wide = operandBytes == 8;
  saveWords(cpu, piece(cpu, address, 0), wide);
  const pointers = piece(cpu, address, AT_POINTERS);
  const fdp = load<u64>(cpu, CPU_FDP);
  store<u64>(pointers, wide ? fdp : fdp & 0xffff_ffff);
  const registers = xmmCount(cpu);
  if (registers != 0) {
    store<u32>(pointers, load<u32>(cpu, CPU_MXCSR), 8);
    store<u32>(pointers, MXCSR_MASK, 12);
  }
  for (let i: u32 = 0; i < 8; i++) {
    const at = piece(cpu, address, AT_REGISTERS + i * 16);
    store<u64>(at, 0, 8);
    copy80(at, stackRegister(cpu, i));
  }
  for (let i: u32 = 0; i < registers; i++)
    memory.copy(piece(cpu, address, AT_XMM + i * 16), cpu + CPU_XMM + i * 16, 16);
  return NEXT;
}

function restoreWords(cpu: usize, at: usize, wide: bool): void {
  setControlAndStatus(cpu, load<u16>(at), load<u16>(at, 2));
  store<u8>(cpu, load<u8>(at, 4), CPU_FTW);
  store<u16>(cpu, <u16>(load<u16>(at, 6) & 0x7ff), CPU_FOP);
  store<u64>(cpu, wide ? load<u64>(at, 8) : <u64>load<u32>(at, 8), CPU_FIP);
}

/** FXRSTOR; `operandBytes` is 8 for FXRSTOR64. */
export function fxRestore(cpu: usize, uop: usize, address: u64, operandBytes: u32): u32 {
  if ((address & 15) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  if (!probeImage(cpu, address, IMAGE_BYTES)) return FAULT;
  const wide = operandBytes == 8;
  const registers = xmmCount(cpu);
  const pointers = hostForRead(cpu, address + AT_POINTERS, 16);
  if (registers != 0) {
    const mxcsr = load<u32>(pointers, 8);
    if ((mxcsr & ~MXCSR_MASK) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
    store<u32>(cpu, mxcsr, CPU_MXCSR);
  }
  store<u64>(cpu, wide ? load<u64>(pointers) : <u64>load<u32>(pointers), CPU_FDP);
  restoreWords(cpu, hostForRead(cpu, address, 16), wide);
  for (let i: u32 = 0; i < 8; i++) copy80(stackRegister(cpu, i), hostForRead(cpu, address + AT_REGISTERS + i * 16, 16));
  for (let i: u32 = 0; i < registers; i++)
    memory.copy(cpu + CPU_XMM + i * 16, hostForRead(cpu, address + AT_XMM + i * 16, 16), 16);
  return NEXT;
}
