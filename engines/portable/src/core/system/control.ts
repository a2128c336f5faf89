// Control and debug registers, descriptor-table registers, TLB invalidation. SDM volume 3, chapters 2 and 4.10.

import {
  CPU_COUNT_SPACE_LOADS, CPU_CR0, CPU_CR2, CPU_CR3, CPU_CR4, CPU_DR, CPU_DR6, CPU_DR7, CPU_EFER, CPU_GDTR_BASE, CPU_GDTR_LIMIT,
  CPU_IDTR_BASE, CPU_IDTR_LIMIT, SEG_CS, SEG_LDTR, SEG_TR,
} from "../../layout";
import { readTaskPriority, writeTaskPriority } from "../env";
import { memoryValue, probeWrite, readMemory, writeMemory } from "../mmu/access";
import { updateMode } from "../mode";
import { count } from "../count";
import { enterSpace, flushAddress, flushEverything, flushPcid, flushSpaces } from "../mmu/spaces";
import {
  arrive, cpl, cr0, CR0_AM, CR0_EM, CR0_ET, CR0_MP, CR0_NE, CR0_PE, CR0_PG, CR0_TS, CR0_WP, cr4, CR4_DE, CR4_FSGSBASE,
  CR4_OSFXSR, CR4_OSXMMEXCPT, CR4_PAE, CR4_PCIDE, CR4_PGE, CR4_PSE, CR4_SMAP, CR4_SMEP, CR4_TSD, CR4_UMIP, efer, EFER_LMA,
  EFER_LME, faultAt, gpr, is64, isCanonical, NEXT, nextRipOf, raiseAt, RESUME, segAttributes, segSelector,
  setRip, VECTOR_DB, VECTOR_GP, VECTOR_UD,
} from "../state";

const CR0_NW: u64 = 1 << 29;
const CR0_CD: u64 = 1 << 30;
const CR0_KNOWN: u64 = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
const CR4_MCE: u64 = 1 << 6;
const CR4_PCE: u64 = 1 << 8;
const CR4_VME_PVI: u64 = 3;
const CR4_KNOWN: u64 = CR4_VME_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_OSFXSR |
  CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_SMEP | CR4_SMAP;
/** What tags in the TLB depend on. */
const CR4_OF_TRANSLATIONS: u64 = CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP;
const CR3_NO_FLUSH: u64 = (<u64>1) << 63;

/** #GP unless at privilege 0. */
export function requireSupervisor(cpu: usize, uop: usize): u32 {
  return cpl(cpu) == 0 ? NEXT : raiseAt(cpu, uop, VECTOR_GP, 0);
}

function isControlRegister(n: u32): bool {
  return n == 0 || n == 2 || n == 3 || n == 4 || n == 8;
}

export function readControl(cpu: usize, uop: usize, n: u32, slot: u32): u32 {
  if (!isControlRegister(n)) return raiseAt(cpu, uop, VECTOR_UD, 0);
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  let value: u64;
  if (n == 0) value = cr0(cpu);
  else if (n == 2) value = load<u64>(cpu, CPU_CR2);
  else if (n == 3) value = load<u64>(cpu, CPU_CR3);
  else if (n == 4) value = cr4(cpu);
  else value = readTaskPriority(cpu);
  store<u64>(cpu + slot, is64(cpu) ? value : value & 0xffff_ffff);
  return NEXT;
}

/** Ends the block in every case: paging, mode or pending interrupts may have changed. */
export function writeControl(cpu: usize, uop: usize, n: u32, slot: u32): u32 {
  if (!isControlRegister(n)) return raiseAt(cpu, uop, VECTOR_UD, 0);
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  const raw = load<u64>(cpu + slot);
  const value = is64(cpu) ? raw : raw & 0xffff_ffff;
  const next = nextRipOf(cpu, uop);
  let valid = true;
  if (n == 0) valid = setCr0(cpu, value);
  else if (n == 2) store<u64>(cpu, value, CPU_CR2);
  else if (n == 3) valid = setCr3(cpu, value);
  else if (n == 4) valid = setCr4(cpu, value);
  else {
    valid = value <= 15;
    if (valid) writeTaskPriority(cpu, <u32>value);
  }
  if (!valid) return raiseAt(cpu, uop, VECTOR_GP, 0);
  setRip(cpu, next);
  return arrive(cpu);
}

function setCr0(cpu: usize, wanted: u64): bool {
  if (wanted >> 32 != 0) return false;
  const value = (wanted & CR0_KNOWN) | CR0_ET;
  const old = cr0(cpu);
  if ((value & CR0_PG) != 0 && (value & CR0_PE) == 0) return false;
  if ((value & CR0_NW) != 0 && (value & CR0_CD) == 0) return false;
  if (((old ^ value) & CR0_PG) != 0 && !switchPaging(cpu, (value & CR0_PG) != 0)) return false;
  store<u64>(cpu, value, CPU_CR0);
  if (((old ^ value) & (CR0_PG | CR0_WP | CR0_PE)) != 0) flushEverything(cpu);
  updateMode(cpu);
  return true;
}

/** Paging on with EFER.LME enters long mode, off leaves it. */
function switchPaging(cpu: usize, on: bool): bool {
  if (on && (efer(cpu) & EFER_LME) != 0) {
    // Long mode needs PAE, and cannot be entered from a code segment that is already 64-bit.
    if ((cr4(cpu) & CR4_PAE) == 0 || (segAttributes(cpu, SEG_CS) & 0x2000) != 0) return false;
    store<u64>(cpu, efer(cpu) | EFER_LMA, CPU_EFER);
  } else if (!on) {
    if ((cr4(cpu) & CR4_PCIDE) != 0 || is64(cpu)) return false;
    store<u64>(cpu, efer(cpu) & ~EFER_LMA, CPU_EFER);
  }
  return true;
}

function setCr3(cpu: usize, value: u64): bool {
  const keep = (cr4(cpu) & CR4_PCIDE) != 0 && (value & CR3_NO_FLUSH) != 0;
  const address = (cr4(cpu) & CR4_PCIDE) != 0 ? value & ~CR3_NO_FLUSH : value;
  if ((efer(cpu) & EFER_LMA) != 0 && address >> 46 != 0) return false;
  store<u64>(cpu, address, CPU_CR3);
  count(cpu, CPU_COUNT_SPACE_LOADS);
  enterSpace(cpu, keep);
  return true;
}

function setCr4(cpu: usize, value: u64): bool {
  if ((value & ~CR4_KNOWN) != 0) return false;
  const changed = cr4(cpu) ^ value;
  const longMode = (efer(cpu) & EFER_LMA) != 0;
  if (longMode && (value & CR4_PAE) == 0) return false;
  if ((changed & value & CR4_PCIDE) != 0 && (!longMode || (load<u64>(cpu, CPU_CR3) & 0xfff) != 0)) return false;
  store<u64>(cpu, value, CPU_CR4);
  // With PCIDs from now on, what is known stays: it is PCID 0's.
  if ((changed & CR4_OF_TRANSLATIONS) != 0 || (changed & ~value & CR4_PCIDE) != 0) flushEverything(cpu);
  updateMode(cpu);
  return true;
}

export function clearTaskSwitched(cpu: usize, uop: usize): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  store<u64>(cpu, cr0(cpu) & ~CR0_TS, CPU_CR0);
  updateMode(cpu);
  setRip(cpu, nextRipOf(cpu, uop));
  return RESUME;
}

export function readMachineStatus(cpu: usize): u64 {
  return cr0(cpu);
}

/** LMSW can set PE but not clear it. */
export function loadMachineStatus(cpu: usize, uop: usize, value: u32): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  const low = <u64>(value & 15) | (cr0(cpu) & CR0_PE);
  setCr0(cpu, (cr0(cpu) & ~(<u64>15)) | low);
  setRip(cpu, nextRipOf(cpu, uop));
  return RESUME;
}

/** SLDT, STR, SMSW, SGDT, SIDT under CR4.UMIP. */
export function checkUserModeAccess(cpu: usize, uop: usize): u32 {
  const forbidden = (cr4(cpu) & CR4_UMIP) != 0 && cpl(cpu) == 3;
  return forbidden ? raiseAt(cpu, uop, VECTOR_GP, 0) : NEXT;
}

export function readLdtSelector(cpu: usize): u64 {
  return segSelector(cpu, SEG_LDTR);
}

export function readTaskSelector(cpu: usize): u64 {
  return segSelector(cpu, SEG_TR);
}

/** SGDT (0), SIDT (1). */
export function storeTable(cpu: usize, uop: usize, address: u64, which: u32): u32 {
  const status = checkUserModeAccess(cpu, uop);
  if (status != NEXT) return status;
  const limit = load<u32>(cpu + (which != 0 ? CPU_IDTR_LIMIT : CPU_GDTR_LIMIT));
  const base = load<u64>(cpu + (which != 0 ? CPU_IDTR_BASE : CPU_GDTR_BASE));
  const bytes: u32 = is64(cpu) ? 8 : 4;
  if (!probeWrite(cpu, address, 2 + bytes)) return faultAt(cpu, uop);
  const done = writeMemory(cpu, address, 2, limit) && writeMemory(cpu, address + 2, bytes, base);
  return done ? NEXT : faultAt(cpu, uop);
}

/** LGDT (0), LIDT (1). With a 16-bit operand size only 24 bits of the base count. */
export function loadTable(cpu: usize, uop: usize, address: u64, which: u32, operandBytes: u32): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  if (!readMemory(cpu, address, 2)) return faultAt(cpu, uop);
  const limit = <u32>memoryValue;
  if (!readMemory(cpu, address + 2, is64(cpu) ? 8 : 4)) return faultAt(cpu, uop);
  let base = memoryValue;
  if (!is64(cpu) && operandBytes == 2) base &= 0xff_ffff;
  if (is64(cpu) && !isCanonical(base)) return raiseAt(cpu, uop, VECTOR_GP, 0);
  store<u64>(cpu + (which != 0 ? CPU_IDTR_BASE : CPU_GDTR_BASE), base);
  store<u32>(cpu + (which != 0 ? CPU_IDTR_LIMIT : CPU_GDTR_LIMIT), limit);
  return NEXT;
}

/** The instructions that follow may lie in another frame now. */
function refetch(cpu: usize, uop: usize): u32 {
  setRip(cpu, nextRipOf(cpu, uop));
  return RESUME;
}

export function invalidatePage(cpu: usize, uop: usize, address: u64): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  flushAddress(cpu, address);
  return refetch(cpu, uop);
}

/** INVPCID: single address (0), one context (1), all with globals (2), all but globals (3). */
export function invalidatePcid(cpu: usize, uop: usize, slot: u32, address: u64): u32 {
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  const type = is64(cpu) ? load<u64>(cpu + slot) : <u64>load<u32>(cpu + slot);
  if (!readMemory(cpu, address, 8)) return faultAt(cpu, uop);
  const pcid = memoryValue;
  if (!readMemory(cpu, address + 8, 8)) return faultAt(cpu, uop);
  if (type > 3 || pcid >> 12 != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  const namesPcid = type < 2;
  if (namesPcid && pcid != 0 && (cr4(cpu) & CR4_PCIDE) == 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  if (type == 0) {
    if (!isCanonical(memoryValue)) return raiseAt(cpu, uop, VECTOR_GP, 0);
    flushAddress(cpu, memoryValue);
  } else if (type == 1) flushPcid(cpu, <u32>pcid);
  else if (type == 2) flushEverything(cpu);
  else flushSpaces(cpu);
  return refetch(cpu, uop);
}

/** DR4 and DR5 are DR6 and DR7 unless CR4.DE is set. */
function debugRegister(cpu: usize, number: u32): i32 {
  const n = number & 15;
  if (n > 7) return -1;
  if (n != 4 && n != 5) return n;
  return (cr4(cpu) & CR4_DE) != 0 ? -1 : <i32>n + 2;
}

const DR7_GD: u64 = 1 << 13;

/** DR7.GD: any access to a debug register is trapped instead, with GD cleared so that the handler has access. */
function guardsDebugRegisters(cpu: usize): bool {
  const dr7 = load<u64>(cpu, CPU_DR7);
  if ((dr7 & DR7_GD) == 0) return false;
  store<u64>(cpu, load<u64>(cpu, CPU_DR6) | (1 << 13), CPU_DR6);
  store<u64>(cpu, dr7 & ~DR7_GD, CPU_DR7);
  return true;
}

export function readDebug(cpu: usize, uop: usize, number: u32, slot: u32): u32 {
  const n = debugRegister(cpu, number);
  if (n < 0) return raiseAt(cpu, uop, VECTOR_UD, 0);
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  if (guardsDebugRegisters(cpu)) return raiseAt(cpu, uop, VECTOR_DB, 0);
  const value = n < 4 ? load<u64>(cpu + (<u32>n << 3), CPU_DR) : n == 6 ? load<u64>(cpu, CPU_DR6) : load<u64>(cpu, CPU_DR7);
  store<u64>(cpu + slot, is64(cpu) ? value : value & 0xffff_ffff);
  return NEXT;
}

export function writeDebug(cpu: usize, uop: usize, number: u32, slot: u32): u32 {
  const n = debugRegister(cpu, number);
  if (n < 0) return raiseAt(cpu, uop, VECTOR_UD, 0);
  if (cpl(cpu) != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  if (guardsDebugRegisters(cpu)) return raiseAt(cpu, uop, VECTOR_DB, 0);
  const value = is64(cpu) ? load<u64>(cpu + slot) : <u64>load<u32>(cpu + slot);
  if (n >= 6 && value >> 32 != 0) return raiseAt(cpu, uop, VECTOR_GP, 0);
  if (n < 4) store<u64>(cpu + (<u32>n << 3), value, CPU_DR);
  else if (n == 6) store<u64>(cpu, (value & 0xe00f) | 0xffff_0ff0, CPU_DR6);
  else store<u64>(cpu, (value & 0xffff_23ff) | 0x400, CPU_DR7);
  // Pages with data breakpoints must not be in the TLB.
  flushEverything(cpu);
  updateMode(cpu);
  setRip(cpu, nextRipOf(cpu, uop));
  return RESUME;
}
