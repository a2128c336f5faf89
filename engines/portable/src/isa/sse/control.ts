// MXCSR, fences, prefetches, CLFLUSH. SDM volume 2. One thread runs a vCPU and caches are not modelled: fences and
// prefetches do nothing, CLFLUSH only checks that its operand may be read.

import { i32 } from "../../encoder/expressions.ts";
import { CPU_MXCSR } from "../../layout.ts";
import { instruction, type Lowering } from "../lowering.ts";

const GENERAL_PROTECTION = 13;
const MXCSR_RESERVED = 0xffff_0000 | 0;

function loadControl(m: Lowering): void {
  const value = m.read(0);
  m.faultIf(i32.and(value, i32.const(MXCSR_RESERVED)), GENERAL_PROTECTION);
  m.setField(CPU_MXCSR, value);
}

export const SSE_CONTROL = [
  instruction("ldmxcsr", ["np 0f ae/2m Md sse ea"], loadControl),
  instruction("stmxcsr", ["np 0f ae/3m Md sse ea"], (m) => m.write(0, m.field(CPU_MXCSR, "i32"))),
  instruction("lfence", ["np 0f ae/5r"], () => {}),
  instruction("mfence", ["np 0f ae/6r"], () => {}),
  instruction("sfence", ["np 0f ae/7r"], () => {}),
  instruction("clflush", ["np 0f ae/7m Mb ea"], (m) => void m.read(0)),
  instruction(
    "prefetch",
    ["0f 18/0m Mp ea", "0f 18/1m Mp ea", "0f 18/2m Mp ea", "0f 18/3m Mp ea", "0f 0dm Mp ea"],
    () => {},
  ),
  // The same opcode with a register operand is reserved for hints.
  instruction("nop", ["0f 18/0r", "0f 18/1r", "0f 18/2r", "0f 18/3r"], () => {}),
];
