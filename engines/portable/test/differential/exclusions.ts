// What the comparison with the host's CPU leaves out, and why. Everything else in the tables is compared.

import type { Form } from "../../src/isa/forms.ts";
import type { Size } from "../../src/isa/lowering.ts";
import type { CodeBits } from "./draft.ts";

const IDENTITY = "its result describes the processor, and the guest's is not the host's";
const TIME = "its result is never the same twice";
const KERNEL = "it would enter the host's kernel";
const UMIP = "the host's kernel emulates it for programs (UMIP)";
const VENDOR = "processors of different vendors treat it differently";

/** By mnemonic. */
export const EXCLUDED: Readonly<Record<string, string>> = {
  cpuid: IDENTITY,
  xgetbv: IDENTITY,
  rdtsc: TIME,
  rdtscp: TIME,
  rdpmc: TIME,
  rdrand: TIME,
  rdseed: TIME,
  syscall: KERNEL,
  sysenter: KERNEL,
  sysexit: VENDOR,
  int1: "hypervisors report another RIP than processors",
  vmcall: "it would call the host's hypervisor",
  sldt: UMIP,
  str: UMIP,
  smsw: UMIP,
  sgdt: UMIP,
  sidt: UMIP,
};

/** Why this form in this mode and size is left out, or undefined. */
export function exclusionOf(form: Form, bits: CodeBits, size: Size): string | undefined {
  if (form.options.has("pseudo")) return "no instruction";
  if (form.options.has(bits === 64 ? "i64" : "o64")) return "not in this mode";
  if (bits === 32 && size === 64 && sizeIsChosen(form)) return "not in this mode";
  if (bits === 64 && size === 32 && form.options.has("d64")) return "not in this mode";
  const nearBranch = form.operands.some((o) => o.kind === "relative") || form.options.has("f64");
  if (bits === 64 && size === 16 && nearBranch) return VENDOR;
  // A word for Intel's, a doubleword for AMD's.
  if (form.mnemonic === "movsxd" && size === 16) return VENDOR;
  const farPointer = /far$|^l[fgs]s$/.test(form.mnemonic) && form.operands.length > 0;
  if (bits === 64 && size === 64 && farPointer && form.mnemonic !== "ret far") return VENDOR;
  return EXCLUDED[form.mnemonic];
}

/** Whether prefixes choose the operand size. */
export function sizeIsChosen(form: Form): boolean {
  const chosen = ["v", "z", "y"];
  return chosen.some((s) => form.options.has(s) || form.operands.some((o) => o.size === s));
}
