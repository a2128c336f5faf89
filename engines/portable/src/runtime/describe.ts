// Registers as text, for the dump of a machine that failed.

import type { SegmentRegister, VcpuRegisters } from "@hearth/machine";

const hex = (value: bigint): string => value.toString(16).padStart(16, "0");

function segment(name: string, s: SegmentRegister): string {
  return `${name}=${s.selector.toString(16).padStart(4, "0")} base ${hex(s.base)} limit ${s.limit.toString(16)} attributes ${s.attributes.toString(16)}`;
}

/** Several lines: place, general, control and segment registers. */
export function describeRegisters(id: number, r: VcpuRegisters): string {
  return [
    `vCPU ${id} at rip=${hex(r.rip)} rflags=${r.rflags.toString(16)}`,
    `rax=${hex(r.rax)} rbx=${hex(r.rbx)} rcx=${hex(r.rcx)} rdx=${hex(r.rdx)}`,
    `rsi=${hex(r.rsi)} rdi=${hex(r.rdi)} rbp=${hex(r.rbp)} rsp=${hex(r.rsp)}`,
    `r8 =${hex(r.r8)} r9 =${hex(r.r9)} r10=${hex(r.r10)} r11=${hex(r.r11)}`,
    `r12=${hex(r.r12)} r13=${hex(r.r13)} r14=${hex(r.r14)} r15=${hex(r.r15)}`,
    `cr0=${hex(r.cr0)} cr2=${hex(r.cr2)} cr3=${hex(r.cr3)} cr4=${hex(r.cr4)} efer=${hex(r.efer)}`,
    segment("cs", r.cs),
    segment("ss", r.ss),
    segment("tr", r.tr),
  ].join("\n");
}
