// Processor state at a kernel's entry point: the Linux 64-bit boot protocol (long mode, identity map) and PVH (32-bit
// protected mode, paging off). Also writes the descriptor and page tables those states refer to.

import type { GuestMemory } from "../memory/guest-memory.ts";
import type { SegmentRegister, VcpuRegisters } from "../cpu/vcpu.ts";
import {
  BOOT_STACK_GPA,
  GDT_GPA,
  IDT_GPA,
  PAGE_DIRECTORY_GPA,
  PDPT_GPA,
  PML4_GPA,
  PVH_START_INFO_GPA,
  ZERO_PAGE_GPA,
} from "./memory-layout.ts";

/** Descriptor bits 40 to 55, limit bits as zero: type, S, DPL, P, then AVL, L, D/B, G. */
const CODE_64 = 0xa09b;
const CODE_32 = 0xc09b;
const DATA = 0xc093;
const TSS_BUSY = 0x008b;
const LDT = 0x0082;

const SELECTOR_CODE = 0x08;
const SELECTOR_DATA = 0x10;
const SELECTOR_TSS = 0x18;
const FLAT_LIMIT = 0xffff_ffff;
const TSS_LIMIT = 0x67;
const GDT_ENTRY_COUNT = 4;

const CR0_PE = 1n << 0n;
const CR0_ET = 1n << 4n;
const CR0_PG = 1n << 31n;
const CR4_PAE = 1n << 5n;
const EFER_LME = 1n << 8n;
const EFER_LMA = 1n << 10n;
const RFLAGS_FIXED = 2n;

const PTE_PRESENT_WRITABLE = 3n;
const PDE_LARGE = 1n << 7n;
const LARGE_PAGE_BYTES = 0x20_0000n;

/** State at `entry` for the Linux 64-bit protocol; the zero page must be in place. */
export function linux64Registers(memory: GuestMemory, entry: number): VcpuRegisters {
  writeGdt(memory, CODE_64);
  writeIdentityMap(memory);
  return {
    ...clearedRegisters(CODE_64),
    rip: BigInt(entry),
    rsp: BigInt(BOOT_STACK_GPA),
    rbp: BigInt(BOOT_STACK_GPA),
    rsi: BigInt(ZERO_PAGE_GPA),
    cr0: CR0_PE | CR0_PG | CR0_ET,
    cr3: BigInt(PML4_GPA),
    cr4: CR4_PAE,
    efer: EFER_LME | EFER_LMA,
  };
}

/** State at `entry` for PVH; the start information must be in place. */
export function pvhRegisters(memory: GuestMemory, entry: number): VcpuRegisters {
  writeGdt(memory, CODE_32);
  return {
    ...clearedRegisters(CODE_32),
    rip: BigInt(entry),
    rbx: BigInt(PVH_START_INFO_GPA),
    cr0: CR0_PE | CR0_ET,
  };
}

function clearedRegisters(codeAttributes: number): VcpuRegisters {
  const data = (): SegmentRegister => segment(SELECTOR_DATA, FLAT_LIMIT, DATA);
  return {
    rax: 0n,
    rcx: 0n,
    rdx: 0n,
    rbx: 0n,
    rsp: 0n,
    rbp: 0n,
    rsi: 0n,
    rdi: 0n,
    r8: 0n,
    r9: 0n,
    r10: 0n,
    r11: 0n,
    r12: 0n,
    r13: 0n,
    r14: 0n,
    r15: 0n,
    rip: 0n,
    rflags: RFLAGS_FIXED,
    cs: segment(SELECTOR_CODE, FLAT_LIMIT, codeAttributes),
    ds: data(),
    es: data(),
    fs: data(),
    gs: data(),
    ss: data(),
    tr: segment(SELECTOR_TSS, TSS_LIMIT, TSS_BUSY),
    ldtr: segment(0, 0xffff, LDT),
    gdtr: { base: BigInt(GDT_GPA), limit: GDT_ENTRY_COUNT * 8 - 1 },
    idtr: { base: BigInt(IDT_GPA), limit: 7 },
    cr0: 0n,
    cr2: 0n,
    cr3: 0n,
    cr4: 0n,
    efer: 0n,
  };
}

function segment(selector: number, limit: number, attributes: number): SegmentRegister {
  return { selector, base: 0n, limit, attributes };
}

function writeGdt(memory: GuestMemory, codeAttributes: number): void {
  memory.writeU64(GDT_GPA, 0n);
  memory.writeU64(GDT_GPA + SELECTOR_CODE, descriptor(FLAT_LIMIT, codeAttributes));
  memory.writeU64(GDT_GPA + SELECTOR_DATA, descriptor(FLAT_LIMIT, DATA));
  memory.writeU64(GDT_GPA + SELECTOR_TSS, descriptor(TSS_LIMIT, TSS_BUSY));
  memory.writeU64(IDT_GPA, 0n);
}

/** A segment descriptor with base 0 (Intel SDM vol. 3A, figure 3-8). */
export function descriptor(limitBytes: number, attributes: number): bigint {
  const isPageGranular = (attributes & 0x8000) !== 0;
  const limit = BigInt(isPageGranular ? Math.floor(limitBytes / 4096) : limitBytes);
  return (limit & 0xffffn) | (BigInt(attributes) << 40n) | ((limit >> 16n) << 48n);
}

/** The first GiB at its own address, in 2 MiB pages. */
function writeIdentityMap(memory: GuestMemory): void {
  memory.writeU64(PML4_GPA, BigInt(PDPT_GPA) | PTE_PRESENT_WRITABLE);
  memory.writeU64(PDPT_GPA, BigInt(PAGE_DIRECTORY_GPA) | PTE_PRESENT_WRITABLE);
  for (let i = 0; i < 512; i++) {
    memory.writeU64(
      PAGE_DIRECTORY_GPA + i * 8,
      (BigInt(i) * LARGE_PAGE_BYTES) | PDE_LARGE | PTE_PRESENT_WRITABLE,
    );
  }
}
