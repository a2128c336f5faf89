// Registers after INIT (Intel SDM vol. 3A, table 10-1), and where a start-up message then makes a processor begin.

import { CPU_SIGNATURE } from "./cpuid.ts";
import type { SegmentRegister, VcpuRegisters } from "./vcpu.ts";

const CR0_EXTENSION_TYPE = 1n << 4n;
/** NW and CD: INIT leaves the caches as they are. */
const CR0_KEPT = (1n << 29n) | (1n << 30n);
const LIMIT = 0xffff;
const DATA = 0x0093;
const CODE = 0x009b;
const LDT = 0x0082;
const BUSY_TSS = 0x008b;

const segment = (selector: number, attributes: number): SegmentRegister => ({
  selector,
  base: BigInt(selector) << 4n,
  limit: LIMIT,
  attributes,
});

/** Real mode at physical `page` × 4096 after INIT; `cr0Before` is CR0 as it was until then. */
export function startUpRegisters(page: number, cr0Before: bigint): VcpuRegisters {
  return {
    ...{ rax: 0n, rcx: 0n, rbx: 0n, rsp: 0n, rbp: 0n, rsi: 0n, rdi: 0n },
    ...{ r8: 0n, r9: 0n, r10: 0n, r11: 0n, r12: 0n, r13: 0n, r14: 0n, r15: 0n },
    rdx: BigInt(CPU_SIGNATURE),
    rip: 0n,
    rflags: 2n,
    cs: segment((page & 0xff) << 8, CODE),
    ds: segment(0, DATA),
    es: segment(0, DATA),
    fs: segment(0, DATA),
    gs: segment(0, DATA),
    ss: segment(0, DATA),
    tr: segment(0, BUSY_TSS),
    ldtr: segment(0, LDT),
    gdtr: { base: 0n, limit: LIMIT },
    idtr: { base: 0n, limit: LIMIT },
    cr0: (cr0Before & CR0_KEPT) | CR0_EXTENSION_TYPE,
    cr2: 0n,
    cr3: 0n,
    cr4: 0n,
    efer: 0n,
  };
}

/** CR0 after power-on. */
export const POWER_ON_CR0 = CR0_KEPT | CR0_EXTENSION_TYPE;
