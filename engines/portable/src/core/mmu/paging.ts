// Address translation: page walks and the software TLB. SDM volume 3, chapter 4. Three paging modes: 4-level, PAE, 32-bit.
//
// The TLB is direct-mapped, one bank for each privilege. A tag is present only if the access it stands for needs no further
// thought: no write tag on clean pages, on pages with translated code, or on pages with a data breakpoint.

import {
  CPU_CR2, CPU_CR3, CPU_DR, CPU_DR7, CPU_JUMP_CACHE, CPU_TLB, CPU_TLB_BANKS, CPU_TLB_LARGE, ENGINE_COUNT_TLB_FILLS,
  ENGINE_RAM_HIGH_BYTES, ENGINE_RAM_LOW_BYTES, JUMP_CACHE_BITS, PAGE_BLOCKS_BASE, RAM_BASE, TLB_ADDEND,
  TLB_BANK_SUPERVISOR, TLB_BANK_SUPERVISOR_AC, TLB_BANK_USER, TLB_BANKS, TLB_BITS, TLB_ENTRY_BITS, TLB_EXECUTE,
  TLB_FLAG_1G, TLB_FLAG_2M, TLB_FLAG_GLOBAL, TLB_PAGE, TLB_READ, TLB_WRITE,
} from "../../layout";
import {
  cr0, CR0_PG, CR0_WP, cr4, CR4_PAE, CR4_PGE, CR4_PSE, CR4_SMAP, CR4_SMEP, efer, EFER_LMA, EFER_NXE, isCanonical, raise,
  VECTOR_GP, VECTOR_PF,
} from "../state";

export const ACCESS_READ: u32 = 0;
export const ACCESS_WRITE: u32 = 1;
export const ACCESS_EXECUTE: u32 = 2;

/** Answers of `translate` that are not host addresses. */
export const TRANSLATE_FAULT: u32 = 0;
export const TRANSLATE_DEVICE: u32 = 1;

const PTE_P: u64 = 1;
const PTE_RW: u64 = 2;
const PTE_US: u64 = 4;
const PTE_A: u64 = 0x20;
const PTE_D: u64 = 0x40;
const PTE_PS: u64 = 0x80;
const PTE_G: u64 = 0x100;
const PTE_NX: u64 = 0x8000_0000_0000_0000;
/** Physical address bits 12 to 51; those the guest's CPUID does not offer (46 and above) are reserved. */
const PTE_ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const PTE_RESERVED: u64 = 0x000f_c000_0000_0000;
/** Bits 52 to 62 are free for software only in the tables of long mode. */
const PTE_RESERVED_PAE: u64 = 0x7ff0_0000_0000_0000;

const ERROR_P: u32 = 1;
const ERROR_W: u32 = 2;
const ERROR_U: u32 = 4;
const ERROR_RSVD: u32 = 8;
const ERROR_I: u32 = 16;

const BANK_BYTES: usize = 1 << (TLB_BITS + TLB_ENTRY_BITS);
const NO_TAG: u64 = 1;

/** Guest-physical address of the last translation, for accesses to devices. */
export let translatedGpa: u64 = 0;

// Results of a walk: the gathered permissions (PTE bits), page flags, the leaf's host address and value.
let walkPermissions: u64 = 0;
let walkGlobal: bool = false;
let walkSize: u32 = 0;
let walkLeaf: usize = 0;
let walkLeafWide: bool = true;

/** Offset in the memory of a guest-physical address, 0 when it is not RAM. Whole pages are RAM or not. */
export function hostOfGpa(gpa: u64): usize {
  const low = load<u64>(ENGINE_RAM_LOW_BYTES);
  if (gpa < low) return <usize>gpa + RAM_BASE;
  const high = gpa - 0x1_0000_0000;
  if (high < load<u64>(ENGINE_RAM_HIGH_BYTES)) return <usize>(high + low) + RAM_BASE;
  return 0;
}

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

/** Walks the tables for `va`; on success `translatedGpa` and the walk results are set. -1: fault with P clear, else its code. */
function walk(cpu: usize, va: u64): i32 {
  if ((cr4(cpu) & CR4_PAE) == 0) return walk32(cpu, va);
  const longMode = (efer(cpu) & EFER_LMA) != 0;
  const reserved = PTE_RESERVED | (longMode ? 0 : PTE_RESERVED_PAE) | ((efer(cpu) & EFER_NXE) != 0 ? 0 : PTE_NX);
  let table = load<u64>(cpu, CPU_CR3) & (longMode ? PTE_ADDRESS : 0xffff_ffe0);
  let permissions: u64 = PTE_RW | PTE_US;
  let level: i32 = longMode ? 39 : 30;
  for (; ; level -= 9) {
    const index = (va >> level) & (level == 30 && !longMode ? 3 : 511);
    const host = hostOfGpa(table + (index << 3));
    if (host == 0) return -1;
    const entry = load<u64>(host);
    if ((entry & PTE_P) == 0) return -1;
    if (level == 30 && !longMode) {
      // A PAE page-directory-pointer entry has no permissions of its own.
      if ((entry & (reserved | 0x1e6)) != 0) return ERROR_RSVD;
      table = entry & PTE_ADDRESS;
      continue;
    }
    if ((entry & reserved) != 0 || (level == 39 && (entry & PTE_PS) != 0)) return ERROR_RSVD;
    permissions = (permissions & entry) | ((permissions | entry) & PTE_NX);
    const large = level > 12 && (entry & PTE_PS) != 0;
    if (level > 12 && !large) {
      if ((entry & PTE_A) == 0) store<u64>(host, entry | PTE_A);
      table = entry & PTE_ADDRESS;
      continue;
    }
    const pageMask: u64 = ((<u64>1) << level) - 1;
    if (large && (entry & pageMask & 0x3fff_e000) != 0) return ERROR_RSVD;
    walkPermissions = permissions;
    walkGlobal = (entry & PTE_G) != 0;
    walkSize = level;
    walkLeaf = host;
    walkLeafWide = true;
    translatedGpa = (entry & PTE_ADDRESS & ~pageMask) | (va & pageMask);
    return 0;
  }
}

/** 32-bit paging: two levels of 32-bit entries, 4 MiB pages with PSE. */
function walk32(cpu: usize, va: u64): i32 {
  let table = load<u64>(cpu, CPU_CR3) & 0xffff_f000;
  const directory = hostOfGpa(table + (((va >> 22) & 1023) << 2));
  if (directory == 0) return -1;
  const pde = <u64>load<u32>(directory);
  if ((pde & PTE_P) == 0) return -1;
  walkLeafWide = false;
  if ((pde & PTE_PS) != 0 && (cr4(cpu) & CR4_PSE) != 0) {
    if ((pde & 0x20_0000) != 0) return ERROR_RSVD;
    walkPermissions = pde & (PTE_RW | PTE_US);
    walkGlobal = (pde & PTE_G) != 0;
    walkSize = 22;
    walkLeaf = directory;
    translatedGpa = (pde & 0xffc0_0000) | ((pde & 0x1f_e000) << 19) | (va & 0x3f_ffff);
    return 0;
  }
  if ((pde & PTE_A) == 0) store<u32>(directory, <u32>(pde | PTE_A));
  const host = hostOfGpa((pde & 0xffff_f000) + (((va >> 12) & 1023) << 2));
  if (host == 0) return -1;
  const pte = <u64>load<u32>(host);
  if ((pte & PTE_P) == 0) return -1;
  walkPermissions = pde & pte & (PTE_RW | PTE_US);
  walkGlobal = (pte & PTE_G) != 0;
  walkSize = 12;
  walkLeaf = host;
  translatedGpa = (pte & 0xffff_f000) | (va & 0xfff);
  return 0;
}

function setLeafBits(bits: u64): void {
  if (walkLeafWide) store<u64>(walkLeaf, load<u64>(walkLeaf) | bits);
  else store<u32>(walkLeaf, load<u32>(walkLeaf) | <u32>bits);
}

function leafHas(bits: u64): bool {
  const value = walkLeafWide ? load<u64>(walkLeaf) : <u64>load<u32>(walkLeaf);
  return (value & bits) != 0;
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
    return fill(cpu, va & 0xffff_ffff, bank, true, true, true, false, 12);
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
  return fill(cpu, va, bank, mayRead, mayWrite && leafHas(PTE_D), mayExecute, walkGlobal && (cr4(cpu) & CR4_PGE) != 0, walkSize);
}

/** Enters a translation to RAM in the TLB. */
function fill(
  cpu: usize, va: u64, bank: u32, read: bool, write: bool, execute: bool, global: bool, sizeBits: u32,
): u32 {
  const host = hostOfGpa(translatedGpa);
  if (host == 0) return TRANSLATE_DEVICE;
  const page = <u32>host & ~0xfff;
  const tag = va & ~(<u64>0xfff);
  if (hasDataBreakpoint(cpu, tag)) return <u32>host;
  const entry = cpu + CPU_TLB_BANKS + <usize>bank * BANK_BYTES + ((<usize>(va >> 12) & ((1 << TLB_BITS) - 1)) << TLB_ENTRY_BITS);
  const codeFree = load<u32>(PAGE_BLOCKS_BASE + ((page - RAM_BASE) >> 10)) == 0;
  store<u64>(entry, read ? tag : NO_TAG, TLB_READ);
  store<u64>(entry, write && codeFree ? tag : NO_TAG, TLB_WRITE);
  store<u64>(entry, execute ? tag : NO_TAG, TLB_EXECUTE);
  store<u32>(entry, page - <u32>tag, TLB_ADDEND);
  let flags: u32 = global ? TLB_FLAG_GLOBAL : 0;
  if (sizeBits >= 30) flags |= TLB_FLAG_1G;
  else if (sizeBits > 12) flags |= TLB_FLAG_2M;
  store<u32>(cpu, load<u32>(cpu, CPU_TLB_LARGE) | flags, CPU_TLB_LARGE);
  store<u32>(entry, page | flags, TLB_PAGE);
  store<u64>(ENGINE_COUNT_TLB_FILLS, load<u64>(ENGINE_COUNT_TLB_FILLS) + 1);
  return <u32>host;
}

/** Is one of DR0 to DR3 watching data in this page? */
function hasDataBreakpoint(cpu: usize, page: u64): bool {
  const dr7 = load<u64>(cpu, CPU_DR7);
  if ((dr7 & 0xff) == 0) return false;
  for (let i: u32 = 0; i < 4; i++) {
    const enabled = (dr7 >> (i << 1)) & 3;
    const kind = (dr7 >> (16 + (i << 2))) & 3;
    if (enabled == 0 || kind == 0) continue;
    const watched = load<u64>(cpu + (i << 3), CPU_DR);
    if ((watched & ~(<u64>0xfff)) == page || ((watched + 7) & ~(<u64>0xfff)) == page) return true;
  }
  return false;
}

export function clearJumpCache(cpu: usize): void {
  memory.fill(cpu + CPU_JUMP_CACHE, 0, 16 << JUMP_CACHE_BITS);
}

function dropEntry(entry: usize): void {
  store<u64>(entry, NO_TAG, TLB_READ);
  store<u64>(entry, NO_TAG, TLB_WRITE);
  store<u64>(entry, NO_TAG, TLB_EXECUTE);
  store<u32>(entry, 0, TLB_PAGE);
}

/** Drops all translations, global ones only if asked. */
export function flushTlb(cpu: usize, withGlobal: bool): void {
  clearJumpCache(cpu);
  const start = cpu + CPU_TLB_BANKS;
  const end = start + <usize>TLB_BANKS * BANK_BYTES;
  for (let entry = start; entry < end; entry += 1 << TLB_ENTRY_BITS) {
    const page = load<u32>(entry, TLB_PAGE);
    // Most entries are empty already; writing them again would be most of the cost of an address-space switch.
    if (withGlobal || (page != 0 && (page & TLB_FLAG_GLOBAL) == 0)) dropEntry(entry);
  }
  if (withGlobal) store<u32>(cpu, 0, CPU_TLB_LARGE);
}

/** INVLPG: also drops what came from a large page around the address. */
export function flushPage(cpu: usize, va: u64): void {
  clearJumpCache(cpu);
  const large = load<u32>(cpu, CPU_TLB_LARGE);
  if ((large & TLB_FLAG_1G) != 0) {
    flushRegion(cpu, va & ~(<u64>0x3fff_ffff), 30);
    return;
  }
  if ((large & TLB_FLAG_2M) != 0) flushRegion(cpu, va & ~(<u64>0x3f_ffff), 22);
  const index = (<usize>(va >> 12) & ((1 << TLB_BITS) - 1)) << TLB_ENTRY_BITS;
  for (let bank: usize = 0; bank < <usize>TLB_BANKS; bank++) {
    const entry = cpu + CPU_TLB_BANKS + bank * BANK_BYTES + index;
    if (tagsCover(entry, va & ~(<u64>0xfff), 12)) dropEntry(entry);
  }
}

/** Does any tag of the entry lie in the aligned region of 2^bits bytes? */
function tagsCover(entry: usize, base: u64, bits: u64): bool {
  const read = load<u64>(entry, TLB_READ);
  const write = load<u64>(entry, TLB_WRITE);
  const execute = load<u64>(entry, TLB_EXECUTE);
  const region = base >> bits;
  return (
    (read != NO_TAG && read >> bits == region) ||
    (write != NO_TAG && write >> bits == region) ||
    (execute != NO_TAG && execute >> bits == region)
  );
}

function flushRegion(cpu: usize, base: u64, bits: u64): void {
  const start = cpu + CPU_TLB_BANKS;
  const end = start + <usize>TLB_BANKS * BANK_BYTES;
  for (let entry = start; entry < end; entry += 1 << TLB_ENTRY_BITS) {
    const isLarge = (load<u32>(entry, TLB_PAGE) & (TLB_FLAG_2M | TLB_FLAG_1G)) != 0;
    if ((isLarge || bits == 30) && tagsCover(entry, base, bits)) dropEntry(entry);
  }
}

/** Takes the write tag from every translation of a page that has just got translated code. */
export function protectPage(cpu: usize, hostPage: u32): void {
  const start = cpu + CPU_TLB_BANKS;
  const end = start + <usize>TLB_BANKS * BANK_BYTES;
  for (let entry = start; entry < end; entry += 1 << TLB_ENTRY_BITS) {
    if ((load<u32>(entry, TLB_PAGE) & ~0xfff) == hostPage) store<u64>(entry, NO_TAG, TLB_WRITE);
  }
}

/** Chooses the bank of the present privilege. */
export function bankOf(privilege: u32, accessCheck: bool, smap: bool): u32 {
  if (privilege == 3) return TLB_BANK_USER;
  return accessCheck && smap ? TLB_BANK_SUPERVISOR_AC : TLB_BANK_SUPERVISOR;
}

export function selectBank(cpu: usize, bank: u32): void {
  store<u32>(cpu, <u32>(cpu + CPU_TLB_BANKS + <usize>bank * BANK_BYTES), CPU_TLB);
}

export function currentBank(cpu: usize): u32 {
  return <u32>((<usize>load<u32>(cpu, CPU_TLB) - cpu - CPU_TLB_BANKS) / BANK_BYTES);
}
