import assert from "node:assert/strict";
import { test } from "node:test";
import type { VcpuRegisters } from "@hearth/machine";
import { CPU_CPL, CPU_GPR, VCPU_AREA_SIZE } from "../layout.ts";
import { readRegisters, writeRegisters } from "./registers.ts";

function sample(): VcpuRegisters {
  let n = 0n;
  const next = (): bigint => (++n * 0x0123_4567_89ab_cdefn) & 0xffff_ffff_ffff_ffffn;
  const segment = (attributes: number) => ({
    selector: Number(++n),
    base: next(),
    limit: 0xfffff,
    attributes,
  });
  const registers: Record<string, unknown> = {};
  for (const name of "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip cr0 cr2 cr3 cr4 efer".split(
    " ",
  ))
    registers[name] = next();
  for (const name of "cs ds es fs gs tr ldtr".split(" ")) registers[name] = segment(0xa09b);
  registers["ss"] = segment(0xc0f3);
  registers["gdtr"] = { base: next(), limit: 0x7f };
  registers["idtr"] = { base: next(), limit: 0xfff };
  registers["rflags"] = 0x202n;
  return registers as unknown as VcpuRegisters;
}

test("what is written is read back, in a vCPU area anywhere", () => {
  const view = new DataView(new ArrayBuffer(2 * VCPU_AREA_SIZE));
  const registers = sample();
  writeRegisters(view, VCPU_AREA_SIZE, registers);
  assert.deepEqual(readRegisters(view, VCPU_AREA_SIZE, registers.rflags), registers);
  assert.equal(view.getBigUint64(CPU_GPR, true), 0n, "another vCPU's area is left alone");
});

test("privilege is that of the stack segment", () => {
  const view = new DataView(new ArrayBuffer(VCPU_AREA_SIZE));
  writeRegisters(view, 0, sample());
  assert.equal(view.getUint32(CPU_CPL, true), 3);
});
