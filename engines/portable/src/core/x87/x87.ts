// The x87 as instructions see it: every function here is called by isa/x87.ts, isa/x87-state.ts or the MMX tables. Arguments are
// (cpu, micro-op, operands…), the answer is NEXT or FAULT. Callers have checked for a pending exception, see `waiting` in
// isa/x87.ts; CR0.EM and TS are the decoder's, except for FWAIT.

import { CPU_FTW } from "../../layout";
import { CR0_MP, CR0_NE, CR0_TS, cr0, NEXT, raiseAt, VECTOR_MF, VECTOR_NM } from "../state";
import { FSW_ES, FSW_TOP, fsw, setFsw } from "./x87-state";

export {
  fpuArithmetic, fpuArithmeticF32, fpuArithmeticF64, fpuArithmeticInteger, fpuExtract, fpuRemainder, fpuRoundToInteger, fpuScale,
  fpuSign, fpuSquareRoot,
} from "./x87-arithmetic";
export { fpuCompare, fpuCompareFlags, fpuExamine, fpuTest } from "./x87-compare";
export {
  fpuClearExceptions, fpuInitialize, fpuLoadControl, fpuLoadEnvironment, fpuRestore, fpuSave, fpuStoreEnvironment,
} from "./x87-environment";
export {
  fpuExchange, fpuFree, fpuLoadConstant, fpuLoadDecimal, fpuLoadF32, fpuLoadF64, fpuLoadF80, fpuLoadInteger, fpuLoadRegister,
  fpuMoveIf, fpuNoOperation, fpuRotate, fpuStore, fpuStoreRegister, fpuStoreRegisterUnchecked,
} from "./x87-transfer";
export { fpuFunction, fpuFunctionOfTwo, fpuFunctionPair } from "./x87-transcendental";
export { fxRestore, fxSave } from "./fxsave";

/** Is an unmasked exception waiting to be raised? Without CR0.NE it would go to a PC's interrupt 13, which is not there. */
function isPending(cpu: usize): bool {
  return (fsw(cpu) & FSW_ES) != 0 && (cr0(cpu) & CR0_NE) != 0;
}

/** FWAIT. */
export function fpuWait(cpu: usize, uop: usize): u32 {
  if ((cr0(cpu) & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) return raiseAt(cpu, uop, VECTOR_NM, 0);
  return isPending(cpu) ? raiseAt(cpu, uop, VECTOR_MF, 0) : NEXT;
}

/** Before an MMX instruction touches a register: all of them become valid, and R0 is ST(0). */
export function enterMmx(cpu: usize, uop: usize): u32 {
  if (isPending(cpu)) return raiseAt(cpu, uop, VECTOR_MF, 0);
  setFsw(cpu, fsw(cpu) & ~FSW_TOP);
  store<u8>(cpu, 0xff, CPU_FTW);
  return NEXT;
}

/** After an MMX register was written: read as a number, it is a NaN. `slot` is its offset in the vCPU's area. */
export function mmxWritten(cpu: usize, _uop: usize, slot: u32): u32 {
  store<u16>(cpu + slot, 0xffff, 8);
  return NEXT;
}

/** EMMS: no register is in use. */
export function emms(cpu: usize, uop: usize): u32 {
  if (isPending(cpu)) return raiseAt(cpu, uop, VECTOR_MF, 0);
  setFsw(cpu, fsw(cpu) & ~FSW_TOP);
  store<u8>(cpu, 0, CPU_FTW);
  return NEXT;
}
