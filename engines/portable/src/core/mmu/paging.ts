// Address translation: what a page walk permits in a privilege. SDM volume 3, chapter 4.

import { CPU_CR2, TLB_BANK_SUPERVISOR, TLB_BANK_USER, TLB_FLAG_1G, TLB_FLAG_2M, TLB_FLAG_GLOBAL } from "../../layout";
import {
  cr0, CR0_PG, CR0_WP, cr4, CR4_PAE, CR4_PGE, CR4_SMAP, CR4_SMEP, efer, EFER_LMA, EFER_NXE, isCanonical, raise, VECTOR_GP,
  VECTOR_PF,
} from "../state";
import { fillTlb } from "./tlb";
import {
  ERROR_P, hostOfGpa, leafHas, PTE_A, PTE_D, PTE_NX, PTE_RW, PTE_US, setLeafBits, walk, walkGlobal, walkGpa, walkPermissions,
  walkSize,
} from "./walk";

export const ACCESS_READ: u32 = 0;
export const ACCESS_WRITE: u32 = 1;
export const ACCESS_EXECUTE: u32 = 2;

/** Answers of `translate` that are not host addresses. */
export const TRANSLATE_FAULT: u32 = 0;
export const TRANSLATE_DEVICE: u32 = 1;

const ERROR_W: u32 = 2;
const ERROR_U: u32 = 4;
const ERROR_I: u32 = 16;

/** Guest-physical address of the last translation, for accesses to devices. */
export let translatedGpa: u64 = 0;

function pageFault(cpu: usize, va: u64, code: u32, access: u32, bank: u32): u32 {
  store<u64>(cpu, va, CPU_CR2);
  let error = code;
  if (access == ACCESS_WRITE) error |= ERROR_W;
  if (bank == TLB_BANK_USER) error |= ERROR_U;
  const noExecute = (efer(cpu) & EFER_NXE) != 0 && (cr4(cpu) & CR4_PAE) != 0;
  const instructionBit = noExecute || (cr4(cpu) & CR4_SMEP) != 0;
  if (access == ACCESS_EXECUTE && instructionBit) error |= ERROR_I;
  raise(cpu, VECTOR_PF, error);
  return TRANSLATE_FAULT;
}

let nonCanonical: bool = false;

/** Was the exception just raised one of a non-canonical address? In the stack segment it is #SS. Answers once. */
export function takeNonCanonical(): bool {
  const was = nonCanonical;
  nonCanonical = false;
  return was;
}

/**
 * Translates `va` for one access in a bank's privilege. Answers the offset in the memory, or TRANSLATE_FAULT with the exception
 * recorded, or TRANSLATE_DEVICE with `translatedGpa` set.
 */
export function translate(cpu: usize, va: u64, access: u32, bank: u32): u32 {
  if ((cr0(cpu) & CR0_PG) == 0) {
    translatedGpa = va & 0xffff_ffff;
    // No load of CR3 changes this: it counts as global.
    return enter(cpu, va & 0xffff_ffff, bank, true, true, true, TLB_FLAG_GLOBAL);
  }
  if ((efer(cpu) & EFER_LMA) != 0 && !isCanonical(va)) {
    nonCanonical = true;
    raise(cpu, VECTOR_GP, 0);
    return TRANSLATE_FAULT;
  }
  const failure = walk(cpu, va);
  if (failure != 0) return pageFault(cpu, va, failure < 0 ? 0 : <u32>failure | ERROR_P, access, bank);
  const permissions = walkPermissions;
  const userPage = (permissions & PTE_US) != 0;
  const writable = (permissions & PTE_RW) != 0;
  const executable = (permissions & PTE_NX) == 0;
  let mayRead: bool, mayWrite: bool, mayExecute: bool;
  if (bank == TLB_BANK_USER) {
    mayRead = userPage;
    mayWrite = userPage && writable;
    mayExecute = userPage && executable;
  } else {
    mayRead = !(userPage && bank == TLB_BANK_SUPERVISOR && (cr4(cpu) & CR4_SMAP) != 0);
    mayWrite = mayRead && (writable || (cr0(cpu) & CR0_WP) == 0);
    mayExecute = executable && !(userPage && (cr4(cpu) & CR4_SMEP) != 0);
  }
  const allowed = access == ACCESS_READ ? mayRead : access == ACCESS_WRITE ? mayWrite : mayExecute;
  if (!allowed) return pageFault(cpu, va, ERROR_P, access, bank);
  const wanted = access == ACCESS_WRITE ? PTE_A | PTE_D : PTE_A;
  if (!leafHas(PTE_A) || (access == ACCESS_WRITE && !leafHas(PTE_D))) setLeafBits(wanted);
  translatedGpa = walkGpa;
  return enter(cpu, va, bank, mayRead, mayWrite && leafHas(PTE_D), mayExecute, walkFlags(cpu));
}

function walkFlags(cpu: usize): u32 {
  const global: u32 = walkGlobal && (cr4(cpu) & CR4_PGE) != 0 ? TLB_FLAG_GLOBAL : 0;
  if (walkSize >= 30) return global | TLB_FLAG_1G;
  return walkSize > 12 ? global | TLB_FLAG_2M : global;
}

/** Enters a translation to RAM in the TLB; answers as `translate`. */
function enter(cpu: usize, va: u64, bank: u32, read: bool, write: bool, execute: bool, flags: u32): u32 {
  const host = <u32>hostOfGpa(translatedGpa);
  if (host == 0) return TRANSLATE_DEVICE;
  fillTlb(cpu, va, host, bank, read, write, execute, flags);
  return host;
}
