// The interpreter as a WebAssembly module: a handler for every instruction form, operand size and way of addressing, the
// jump-cache routine they share, and the run loop. Handlers with the same bytes are one function.

import type { Code } from "../encoder/bytes.ts";
import { flatten } from "../encoder/bytes.ts";
import {
  type ValueType,
  call,
  callIndirect,
  i32,
  i64,
  ifThen,
  localGet,
  localSet,
  loopForever,
  returnValue,
} from "../encoder/expressions.ts";
import { ModuleBuilder } from "../encoder/module.ts";
import { type HandlerTable, layOutHandlers } from "../decode/handlers.ts";
import type { Instruction } from "../isa/lowering.ts";
import {
  CPU_BUDGET,
  CPU_CODE_PAGE,
  CPU_CONTEXT,
  CPU_JUMP_CACHE,
  EXIT_RESUME,
  JUMP_CACHE_BITS,
  REGION_SLOTS,
  UOP_HANDLER,
} from "../layout.ts";
import { CPU, type Linkage } from "../lowering/linkage.ts";
import { dispatch, HANDLER_SIGNATURE, HandlerLowering } from "./handler.ts";

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
  const entry = localGet(2, "i32");
  const uop = localGet(3, "i32");
  const folded = i64.xor(address, i64.shrU(address, i64.const(JUMP_CACHE_BITS)));
  const mixed = i32.xor(i32.wrap(folded), i32.load(CPU, CPU_CONTEXT));
  const index = i32.and(mixed, i32.const((1 << JUMP_CACHE_BITS) - 1));
  const isSameContext = i32.eq(i32.load(entry, CPU_JUMP_CACHE + 12), i32.load(CPU, CPU_CONTEXT));
  const hit = i32.and(i64.eq(i64.load(entry, CPU_JUMP_CACHE), address), isSameContext);
  const resolve = linkage.coreFunction("resolveJump", ["i32", "i64"], "i32");
  const code: Code = [
    localSet(2, i32.add(CPU, i32.shl(index, i32.const(4)))),
    ifThen(i32.and(hit, i32.gtS(i32.load(CPU, CPU_BUDGET), i32.const(0))), [
      i64.store(CPU, CPU_CODE_PAGE, i64.and(address, i64.const(~0xfffn))),
      dispatch(linkage, i32.load(entry, CPU_JUMP_CACHE + 8), 3),
    ]),
    localSet(3, call(resolve, [CPU, address], "i32")),
    ifThen(i32.eqz(uop), returnValue(i32.const(EXIT_RESUME))),
    dispatch(linkage, uop, 3),
  ];
  return builder.addFunction({ params: ["i32", "i64"], results: ["i32"] }, ["i32", "i32"], code, "jumpFar");
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
