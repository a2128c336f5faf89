// Model-specific registers. SDM volume 4. The engine owns those the processor core itself acts on; all others are the machine's.

import {
  CPU_EFER, CPU_FLOAT_SCRATCH, CPU_MSR_CSTAR, CPU_MSR_FMASK, CPU_MSR_KERNEL_GS_BASE, CPU_MSR_LSTAR,
  CPU_MSR_STAR, CPU_MSR_SYSENTER_CS,
  CPU_MSR_SYSENTER_EIP, CPU_MSR_SYSENTER_ESP, CPU_MSR_TSC_AUX, CPU_SEG, CPU_TSC_OFFSET, SEG_FS, SEG_GS, SEG_SIZE,
} from "../../layout";
import { readMachineMsr, writeMachineMsr } from "../env";
import { updateMode } from "../mode";
import { flushEverything } from "../mmu/spaces";
import {
  cpl, cr0, CR0_PG, efer, EFER_LMA, EFER_LME, EFER_NXE, EFER_SCE, gpr, isCanonical, NEXT, nextRipOf, raiseAt, RAX, RCX,
  RDX, RESUME, setGpr, setRip, VECTOR_GP,
} from "../state";
import { timestamp } from "./system";

const MSR_TSC: u32 = 0x10;
const MSR_TSC_ADJUST: u32 = 0x3b;
const MSR_EFER: u32 = 0xc000_0080;

/** Address of the field that simply holds an MSR; 0 for the others. */
function fieldOf(cpu: usize, index: u32): usize {
  switch (index) {
    case 0x174: return cpu + CPU_MSR_SYSENTER_CS;
    case 0x175: return cpu + CPU_MSR_SYSENTER_ESP;
    case 0x176: return cpu + CPU_MSR_SYSENTER_EIP;
    case 0xc000_0081: return cpu + CPU_MSR_STAR;
    case 0xc000_0082: return cpu + CPU_MSR_LSTAR;
    case 0xc000_0083: return cpu + CPU_MSR_CSTAR;
    case 0xc000_0084: return cpu + CPU_MSR_FMASK;
    case 0xc000_0100: return cpu + CPU_SEG + SEG_FS * SEG_SIZE;
    case 0xc000_0101: return cpu + CPU_SEG + SEG_GS * SEG_SIZE;
    case 0xc000_0102: return cpu + CPU_MSR_KERNEL_GS_BASE;
    case 0xc000_0103: return cpu + CPU_MSR_TSC_AUX;
  }
  return 0;
}

export function readMsr(cpu: usize, uop: usize): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  const index = <u32>gpr(cpu, RCX);
  let value: u64;
  const field = fieldOf(cpu, index);
  if (field != 0) value = load<u64>(field);
  else if (index == MSR_EFER) value = efer(cpu);
  else if (index == MSR_TSC) value = timestamp(cpu);
  else if (index == MSR_TSC_ADJUST) value = load<u64>(cpu, CPU_TSC_OFFSET);
  else if (readMachineMsr(cpu, index) != 0) value = load<u64>(cpu, CPU_FLOAT_SCRATCH);
  else return raiseAt(cpu, uop, VECTOR_GP, 0);
  setGpr(cpu, RAX, value & 0xffff_ffff);
  setGpr(cpu, RDX, value >> 32);
  return NEXT;
}

export function writeMsr(cpu: usize, uop: usize): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  const index = <u32>gpr(cpu, RCX);
  const value = (gpr(cpu, RDX) << 32) | (gpr(cpu, RAX) & 0xffff_ffff);
  if (!putMsr(cpu, index, value)) return raiseAt(cpu, uop, VECTOR_GP, 0);
  if (index != MSR_EFER) return NEXT;
  // What follows may be decoded in another way now.
  setRip(cpu, nextRipOf(cpu, uop));
  return RESUME;
}

function putMsr(cpu: usize, index: u32, value: u64): bool {
  const field = fieldOf(cpu, index);
  if (field != 0) {
    if (holdsAddress(index) && !isCanonical(value)) return false;
    store<u64>(field, value);
    return true;
  }
  if (index == MSR_EFER) return setEfer(cpu, value);
  if (index == MSR_TSC) store<u64>(cpu, load<u64>(cpu, CPU_TSC_OFFSET) + value - timestamp(cpu), CPU_TSC_OFFSET);
  else if (index == MSR_TSC_ADJUST) store<u64>(cpu, value, CPU_TSC_OFFSET);
  else return writeMachineMsr(cpu, index, <u32>value, <u32>(value >> 32)) != 0;
  return true;
}

function holdsAddress(index: u32): bool {
  return index == 0x175 || index == 0x176 || index == 0xc000_0082 || index == 0xc000_0083 ||
    (index >= 0xc000_0100 && index <= 0xc000_0102);
}

function setEfer(cpu: usize, value: u64): bool {
  if ((value & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)) != 0) return false;
  const changed = efer(cpu) ^ value;
  if ((changed & EFER_LME) != 0 && (cr0(cpu) & CR0_PG) != 0) return false;
  store<u64>(cpu, (value & ~EFER_LMA) | (efer(cpu) & EFER_LMA), CPU_EFER);
  if ((changed & EFER_NXE) != 0) flushEverything(cpu);
  updateMode(cpu);
  return true;
}

