// The interpreter as a WebAssembly module: a handler for every instruction form, operand size and way of addressing, the
// jump-cache routine they share, and the run loop. Handlers with the same bytes are one function.

import type { Code } from "../encoder/bytes.ts";
import { flatten } from "../encoder/bytes.ts";
import {
  type ValueType,
  call,
  callIndirect,
  i32,
  ifThen,
  localGet,
  localSet,
  loopForever,
  returnValue,
} from "../encoder/expressions.ts";
import { ModuleBuilder } from "../encoder/module.ts";
import { type HandlerTable, layOutHandlers } from "../decode/handlers.ts";
import type { Instruction } from "../isa/lowering.ts";
import { CPU_BUDGET, EXIT_RESUME, REGION_SLOTS, UOP_HANDLER } from "../layout.ts";
import { jumpIfCached } from "../lowering/jump-cache.ts";
import { CPU, dispatch, type Linkage } from "../lowering/linkage.ts";
import { HANDLER_SIGNATURE, HandlerLowering } from "./handler.ts";

export interface InterpreterModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly handlers: HandlerTable;
  /** Core functions the module imports, by name. */
  readonly imports: readonly string[];
}

/** Signatures of every core function the tables call; a second use must agree. */
class CoreImports {
  readonly signatures = new Map<string, { params: readonly ValueType[]; result: ValueType }>();

  note(name: string, params: readonly ValueType[], result: ValueType): void {
    const known = this.signatures.get(name);
    if (known === undefined) this.signatures.set(name, { params, result });
    else if (known.params.join() !== params.join() || known.result !== result)
      throw new Error(`core function ${name} is called with two signatures: ${known.params} and ${params}`);
  }
}

/** Generates the module. Two passes: imports come first in a module, so the first pass only learns which there are. */
export function buildInterpreter(
  memoryMaxPages: number,
  instructions?: readonly Instruction[],
): InterpreterModule {
  const handlers = layOutHandlers(instructions);
  const core = new CoreImports();
  generate(handlers, memoryMaxPages, core, new Map());
  const indices = new Map([...core.signatures.keys()].map((name, index) => [name, index]));
  const bytes = generate(handlers, memoryMaxPages, core, indices);
  return { bytes, handlers, imports: [...indices.keys()] };
}

function generate(
  handlers: HandlerTable,
  memoryMaxPages: number,
  core: CoreImports,
  indices: ReadonlyMap<string, number>,
): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  const handlerType = builder.typeOf(HANDLER_SIGNATURE);
  builder.importMemory("hearth", "memory", 1, memoryMaxPages);
  for (const [name, s] of core.signatures) {
    if (indices.has(name)) builder.importFunction("core", name, { params: s.params, results: [s.result] });
  }
  const coreFunction = (name: string, params: readonly ValueType[], result: ValueType): number => {
    core.note(name, params, result);
    return indices.get(name) ?? 0;
  };
  const partial = { handlerType, coreFunction };
  const jumpFar = addJumpFar(builder, { ...partial, jumpFar: 0 });
  const linkage: Linkage = { ...partial, jumpFar };
  const known = new Map<string, number>();
  const table = handlers.entries.map((entry) => {
    const m = new HandlerLowering(entry.form, entry.size, entry.addressing, linkage);
    entry.instruction.lower(m);
    m.finish();
    const code = flatten(m.code);
    const key = `${m.locals.join()}:${code.join()}`;
    let index = known.get(key);
    if (index === undefined) {
      const label = `${entry.form.mnemonic} ${entry.form.text} (${entry.size}, ${entry.addressing})`;
      index = builder.addFunction(HANDLER_SIGNATURE, m.locals, code, label);
      known.set(key, index);
    }
    return index;
  });
  builder.setTable(table, REGION_SLOTS);
  builder.exportTable("handlers");
  builder.exportFunction("jumpFar", jumpFar);
  builder.exportFunction("run", addRunLoop(builder, linkage));
  return builder.build();
}

/** jumpFar(cpu, address): through the jump cache to the micro-ops at a linear address, else through the core. */
function addJumpFar(builder: ModuleBuilder, linkage: Linkage): number {
  const address = localGet(1, "i64");
  const uop = localGet(2, "i32");
  const resolve = linkage.coreFunction("resolveJump", ["i32", "i64"], "i32");
  const isDue = i32.gtS(i32.load(CPU, CPU_BUDGET), i32.const(0));
  const code: Code = [
    jumpIfCached(linkage, address, isDue, 2),
    localSet(2, call(resolve, [CPU, address], "i32")),
    ifThen(i32.eqz(uop), returnValue(i32.const(EXIT_RESUME))),
    dispatch(linkage, uop, 2),
  ];
  return builder.addFunction({ params: ["i32", "i64"], results: ["i32"] }, ["i32"], code, "jumpFar");
}

/** run(cpu) → exit code: the core prepares each entry and answers 0 when the slice is over. */
function addRunLoop(builder: ModuleBuilder, linkage: Linkage): number {
  const exit = localGet(1, "i32");
  const uop = localGet(2, "i32");
  const next = linkage.coreFunction("nextEntry", ["i32", "i32"], "i32");
  const reason = linkage.coreFunction("exitReason", ["i32"], "i32");
  const enter = callIndirect(linkage.handlerType, [CPU, uop], i32.load(uop, UOP_HANDLER), "i32");
  const body: Code = [
    localSet(2, call(next, [CPU, exit], "i32")),
    ifThen(i32.eqz(uop), returnValue(call(reason, [CPU], "i32"))),
    localSet(1, enter),
  ];
  return builder.addFunction({ params: ["i32"], results: ["i32"] }, ["i32", "i32"], loopForever(body), "run");
}
