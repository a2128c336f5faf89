// x87 control words and saved state, FXSAVE. SDM volume 2; the work is done by core/x87/x87-environment.ts and core/x87/fxsave.ts.
// Instructions written "fn…" do not wait: a pending exception does not keep them from running.

import { i32 } from "../../encoder/expressions.ts";
import { CPU_FCW, CPU_FSW } from "../../layout.ts";
import { type Instruction, instruction, type Lowering } from "../lowering.ts";

type Define = (mnemonic: string, forms: readonly string[], lower: (m: Lowering) => void) => Instruction;

/** `name(cpu, uop, linear address, operand size in bytes)`. */
const image =
  (name: string) =>
  (m: Lowering): void =>
    m.system(name, m.linearAddress(0), i32.const(m.size / 8));
const call =
  (name: string) =>
  (m: Lowering): void =>
    m.system(name);
const word = (m: Lowering, offset: number) => m.let(i32.and(m.field(offset, "i32"), i32.const(0xffff)));

/** The instructions; `waiting` defines one that raises a pending exception first. */
export const X87_STATE = (waiting: Define): readonly Instruction[] => [
  waiting("fldcw", ["d9/5m Mw fpu ea"], (m) => m.system("fpuLoadControl", m.read(0))),
  instruction("fnstcw", ["d9/7m Mw fpu ea"], (m) => m.write(0, word(m, CPU_FCW))),
  instruction("fnstsw", ["dd/7m Mw fpu ea"], (m) => m.write(0, word(m, CPU_FSW))),
  instruction("fnstsw", ["df=e0 fpu"], (m) => m.setGpr(0, 16, word(m, CPU_FSW))),
  waiting("fldenv", ["d9/4m Mp v fpu ea"], image("fpuLoadEnvironment")),
  instruction("fnstenv", ["d9/6m Mp v fpu ea"], image("fpuStoreEnvironment")),
  waiting("frstor", ["dd/4m Mp v fpu ea"], image("fpuRestore")),
  instruction("fnsave", ["dd/6m Mp v fpu ea"], image("fpuSave")),
  instruction("fninit", ["db=e3 fpu"], call("fpuInitialize")),
  instruction("fnclex", ["db=e2 fpu"], call("fpuClearExceptions")),
  waiting("fnop", ["d9=d0 fpu"], call("fpuNoOperation")),
  // FENI, FDISI and FSETPM of the 8087 and 80287.
  instruction("fnop", ["db=e0 fpu", "db=e1 fpu", "db=e4 fpu"], () => {}),
  instruction("fwait", ["9b"], call("fpuWait")),
  instruction("fxsave", ["np 0f ae/0m Mp y fpu ea"], image("fxSave")),
  instruction("fxrstor", ["np 0f ae/1m Mp y fpu ea"], image("fxRestore")),
];
