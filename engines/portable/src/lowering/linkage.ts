// What generated code is linked with: the core's functions, and the routine that goes to any linear address.

import type { Code } from "../encoder/bytes.ts";
import {
  call,
  type Expr,
  i32,
  localGet,
  localSet,
  returnCallIndirect,
  type ValueType,
} from "../encoder/expressions.ts";
import type { CoreFunction } from "../isa/lowering.ts";
import { CPU_BUDGET, UOP_HANDLER } from "../layout.ts";

export interface Linkage {
  /** Type index of a handler. */
  readonly handlerType: number;
  /** Function index of a core function; all uses of a name agree on its signature. */
  coreFunction(name: CoreFunction, params: readonly ValueType[], result: ValueType): number;
  /** jumpFar(cpu, linear address) → exit code. */
  readonly jumpFar: number;
}

/** Local 0 of every generated function: the vCPU's area. */
export const CPU: Expr = localGet(0, "i32");

export function tailCall(functionIndex: number, args: readonly Expr[]): Code {
  const direct = call(functionIndex, args, "i32").code as readonly Code[];
  return [direct[0] as Code, 0x12, direct[2] as Code];
}

/** Counts a block against the slice. */
export function spendBudget(): Code {
  return i32.store(CPU, CPU_BUDGET, i32.sub(i32.load(CPU, CPU_BUDGET), i32.const(1)));
}

/** Tail call to the handler of the micro-op at `uop`, which becomes local `uopLocal`. */
export function dispatch(linkage: Linkage, uop: Expr, uopLocal = 1): Code {
  const next = localGet(uopLocal, "i32");
  return [
    localSet(uopLocal, uop),
    returnCallIndirect(linkage.handlerType, [CPU, next], i32.load(next, UOP_HANDLER)),
  ];
}
