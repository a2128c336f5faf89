// x87 comparisons and classification. SDM volume 2, FCOM, FUCOM, FCOMI, FTST, FXAM.

import { CPU_FLOAT_SCRATCH } from "../../layout";
import { f80_classify, f80_compare, f80_compare_quiet, f80_load_zero } from "../float/index";
import { NEXT } from "../state";
import {
  begin, fcw, fsw, FSW_C0, FSW_C1, FSW_C2, FSW_C3, FSW_CONDITIONS, isEmpty, pop, report, scratch, setFsw, stackRegister, underflow,
} from "./x87-state";

const UNORDERED: u32 = FSW_C0 | FSW_C2 | FSW_C3;

/** Underflow of a comparison: unordered, and the pops happen unless the exception is unmasked. */
function compareEmpty(cpu: usize): bool {
  const goesOn = underflow(cpu);
  setFsw(cpu, fsw(cpu) | UNORDERED);
  return goesOn;
}

/** FCOM, FUCOM (`quiet`) and their popping forms. */
export function fpuCompare(cpu: usize, uop: usize, i: u32, quiet: u32, pops: u32): u32 {
  begin(cpu, uop, FSW_CONDITIONS);
  let goesOn: bool;
  if (isEmpty(cpu, 0) || isEmpty(cpu, i)) goesOn = compareEmpty(cpu);
  else {
    const a = stackRegister(cpu, 0);
    const b = stackRegister(cpu, i);
    goesOn = report(cpu, quiet != 0 ? f80_compare_quiet(a, b, fcw(cpu)) : f80_compare(a, b, fcw(cpu)));
  }
  if (goesOn) for (let n: u32 = 0; n < pops; n++) pop(cpu);
  return NEXT;
}

/** FCOM and FICOM with memory: the operand is in the first temporary; `widened` as f80_from_f32_operand answers. */
export function compareWith(cpu: usize, uop: usize, widened: u32, pops: u32): u32 {
  begin(cpu, uop, FSW_CONDITIONS);
  const goesOn = isEmpty(cpu, 0)
    ? compareEmpty(cpu)
    : report(cpu, f80_compare(stackRegister(cpu, 0), scratch(cpu, 0), fcw(cpu) | widened));
  if (goesOn && pops != 0) pop(cpu);
  return NEXT;
}

/** FCOMI and FUCOMI: leaves ZF, PF and CF where they are in RFLAGS, as 32 bits in the first temporary. */
export function fpuCompareFlags(cpu: usize, uop: usize, i: u32, quiet: u32, popAfter: u32): u32 {
  begin(cpu, uop, 0);
  let conditions = UNORDERED;
  let goesOn: bool;
  if (isEmpty(cpu, 0) || isEmpty(cpu, i)) goesOn = underflow(cpu);
  else {
    const a = stackRegister(cpu, 0);
    const b = stackRegister(cpu, i);
    conditions = quiet != 0 ? f80_compare_quiet(a, b, fcw(cpu)) : f80_compare(a, b, fcw(cpu));
    goesOn = report(cpu, conditions & ~FSW_CONDITIONS);
  }
  if (goesOn && popAfter != 0) pop(cpu);
  store<u32>(cpu, (conditions & UNORDERED) >> 8, CPU_FLOAT_SCRATCH);
  return NEXT;
}

/** FTST. */
export function fpuTest(cpu: usize, uop: usize): u32 {
  f80_load_zero(scratch(cpu, 0));
  return compareWith(cpu, uop, 0, 0);
}

/** FXAM. */
export function fpuExamine(cpu: usize, uop: usize): u32 {
  begin(cpu, uop, FSW_CONDITIONS);
  const top = stackRegister(cpu, 0);
  const sign: u32 = (<u32>load<u16>(top, 8) & 0x8000) != 0 ? FSW_C1 : 0;
  setFsw(cpu, fsw(cpu) | (isEmpty(cpu, 0) ? FSW_C3 | FSW_C0 | sign : f80_classify(top)));
  return NEXT;
}
