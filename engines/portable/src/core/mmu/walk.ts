// Page walks. SDM volume 3, chapter 4. Three paging modes: 4-level, PAE, 32-bit. Paging-structure entries are not cached.

import { CPU_CR3, ENGINE_RAM_HIGH_BYTES, ENGINE_RAM_LOW_BYTES, RAM_BASE } from "../../layout";
import { cr4, CR4_PAE, CR4_PSE, efer, EFER_LMA, EFER_NXE } from "../state";

const PTE_P: u64 = 1;
export const PTE_RW: u64 = 2;
export const PTE_US: u64 = 4;
export const PTE_A: u64 = 0x20;
export const PTE_D: u64 = 0x40;
const PTE_PS: u64 = 0x80;
const PTE_G: u64 = 0x100;
export const PTE_NX: u64 = 0x8000_0000_0000_0000;
/** Physical address bits 12 to 51; those the guest's CPUID does not offer (46 and above) are reserved. */
const PTE_ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const PTE_RESERVED: u64 = 0x000f_c000_0000_0000;
/** Bits 52 to 62 are free for software only in the tables of long mode. */
const PTE_RESERVED_PAE: u64 = 0x7ff0_0000_0000_0000;

/** Page-fault error code: the page was present; a reserved bit was set. */
export const ERROR_P: u32 = 1;
const ERROR_RSVD: u32 = 8;

// Results of a walk: the page's guest-physical address, gathered permissions (PTE bits), log2 of its size, the leaf entry.
export let walkGpa: u64 = 0;
export let walkPermissions: u64 = 0;
export let walkGlobal: bool = false;
export let walkSize: u32 = 0;
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

/** Walks the tables for `va`; on success `walkGpa` and the walk results are set. -1: fault with P clear, else its code. */
export function walk(cpu: usize, va: u64): i32 {
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
    walkGpa = (entry & PTE_ADDRESS & ~pageMask) | (va & pageMask);
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
    walkGpa = (pde & 0xffc0_0000) | ((pde & 0x1f_e000) << 19) | (va & 0x3f_ffff);
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
  walkGpa = (pte & 0xffff_f000) | (va & 0xfff);
  return 0;
}

/** Sets bits of the leaf entry the last walk ended at. */
export function setLeafBits(bits: u64): void {
  if (walkLeafWide) store<u64>(walkLeaf, load<u64>(walkLeaf) | bits);
  else store<u32>(walkLeaf, load<u32>(walkLeaf) | <u32>bits);
}

export function leafHas(bits: u64): bool {
  const value = walkLeafWide ? load<u64>(walkLeaf) : <u64>load<u32>(walkLeaf);
  return (value & bits) != 0;
}
