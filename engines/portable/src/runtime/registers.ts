// Registers of the contract (machine/src/cpu/vcpu.ts) to and from the vCPU's area.

import type { DescriptorTable, SegmentRegister, VcpuRegisters } from "@hearth/machine";
import {
  CPU_CPL,
  CPU_CR0,
  CPU_CR2,
  CPU_CR3,
  CPU_CR4,
  CPU_EFER,
  CPU_GDTR_BASE,
  CPU_GDTR_LIMIT,
  CPU_GPR,
  CPU_IDTR_BASE,
  CPU_IDTR_LIMIT,
  CPU_RIP,
  CPU_SEG,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_LDTR,
  SEG_SIZE,
  SEG_SS,
  SEG_TR,
} from "../layout.ts";

const GENERAL = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
] as const;
const SEGMENTS = [
  ["es", SEG_ES],
  ["cs", SEG_CS],
  ["ss", SEG_SS],
  ["ds", SEG_DS],
  ["fs", SEG_FS],
  ["gs", SEG_GS],
  ["ldtr", SEG_LDTR],
  ["tr", SEG_TR],
] as const;
const CONTROL = [
  ["rip", CPU_RIP],
  ["cr0", CPU_CR0],
  ["cr2", CPU_CR2],
  ["cr3", CPU_CR3],
  ["cr4", CPU_CR4],
  ["efer", CPU_EFER],
] as const;

function readSegment(view: DataView, at: number): SegmentRegister {
  return {
    base: view.getBigUint64(at, true),
    limit: view.getUint32(at + 8, true),
    selector: view.getUint16(at + 12, true),
    attributes: view.getUint16(at + 14, true),
  };
}

function writeSegment(view: DataView, at: number, segment: SegmentRegister): void {
  view.setBigUint64(at, segment.base, true);
  view.setUint32(at + 8, segment.limit, true);
  view.setUint16(at + 12, segment.selector, true);
  view.setUint16(at + 14, segment.attributes, true);
}

export function readRegisters(view: DataView, area: number, rflags: bigint): VcpuRegisters {
  const u64 = (offset: number): bigint => view.getBigUint64(area + offset, true);
  const table = (base: number, limit: number): DescriptorTable => ({
    base: u64(base),
    limit: view.getUint32(area + limit, true),
  });
  return {
    ...Object.fromEntries(GENERAL.map((name, i) => [name, u64(CPU_GPR + i * 8)])),
    ...Object.fromEntries(CONTROL.map(([name, offset]) => [name, u64(offset)])),
    ...Object.fromEntries(
      SEGMENTS.map(([name, n]) => [name, readSegment(view, area + CPU_SEG + n * SEG_SIZE)]),
    ),
    gdtr: table(CPU_GDTR_BASE, CPU_GDTR_LIMIT),
    idtr: table(CPU_IDTR_BASE, CPU_IDTR_LIMIT),
    rflags,
  } as VcpuRegisters;
}

/** Writes all but RFLAGS, which the core keeps in a form of its own. Privilege follows the stack segment. */
export function writeRegisters(view: DataView, area: number, registers: VcpuRegisters): void {
  const put = (offset: number, value: bigint): void => view.setBigUint64(area + offset, value, true);
  GENERAL.forEach((name, i) => put(CPU_GPR + i * 8, registers[name]));
  for (const [name, offset] of CONTROL) put(offset, registers[name]);
  for (const [name, n] of SEGMENTS) writeSegment(view, area + CPU_SEG + n * SEG_SIZE, registers[name]);
  put(CPU_GDTR_BASE, registers.gdtr.base);
  view.setUint32(area + CPU_GDTR_LIMIT, registers.gdtr.limit, true);
  put(CPU_IDTR_BASE, registers.idtr.base);
  view.setUint32(area + CPU_IDTR_LIMIT, registers.idtr.limit, true);
  view.setUint32(area + CPU_CPL, (registers.ss.attributes >> 5) & 3, true);
}
