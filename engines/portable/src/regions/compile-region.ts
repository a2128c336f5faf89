// A region as a WebAssembly module with one function of a handler's signature.
//
// Nodes lie in one loop, each behind the end of a block of its own: a jump forward leaves its target's block, a jump backward
// sets the node number and goes round the loop, where `br_table` finds it. The entry is first and is found without the table.

import type { Code } from "../encoder/bytes.ts";
import { unsignedLeb } from "../encoder/bytes.ts";
import { i32, ifThen, localGet, localSet } from "../encoder/expressions.ts";
import { ModuleBuilder } from "../encoder/module.ts";
import { HANDLER_SIGNATURE } from "../interpreter/handler.ts";
import type { Linkage } from "../lowering/linkage.ts";
import { endsNode, type RegionInstruction, type RegionNode } from "./region.ts";
import { exitTo, RegionLowering, type Transfers } from "./region-lowering.ts";
import { RegionState } from "./region-state.ts";

/** Compiles a region; `nodes[0]` is the entry. The module imports `hearth.memory`, `hearth.jumpFar` and core functions. */
export function compileRegion(nodes: readonly RegionNode[], memoryMaxPages: number): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  builder.importMemory("hearth", "memory", 1, memoryMaxPages);
  const jumpFar = builder.importFunction("hearth", "jumpFar", { params: ["i32", "i64"], results: ["i32"] });
  const imported = new Map<string, number>();
  const linkage: Linkage = {
    handlerType: builder.typeOf(HANDLER_SIGNATURE),
    jumpFar,
    coreFunction: (name, params, result) => {
      let index = imported.get(name);
      if (index === undefined) {
        index = builder.importFunction("core", name, { params, results: [result] });
        imported.set(name, index);
      }
      return index;
    },
  };
  const state = new RegionState();
  const code = regionBody(nodes, state, linkage);
  state.finish();
  builder.exportFunction("region", builder.addFunction(HANDLER_SIGNATURE, state.locals, code, "region"));
  return builder.build();
}

function regionBody(nodes: readonly RegionNode[], state: RegionState, linkage: Linkage): Code {
  const number = new Map(nodes.map((node, i) => [node.offset, i]));
  const nodeLocal = state.newLocal("i32");
  const entry = state.reload();
  let inner: Code = dispatchCode(nodes.length, nodeLocal);
  nodes.forEach((node, i) => {
    // Open around node i: the blocks of the nodes behind it, then the loop.
    const loopLabel = nodes.length - 1 - i;
    const transfers: Transfers = {
      to: (offset, depth) => {
        const target = number.get(offset);
        if (target === undefined) return undefined;
        if (target > i) return [0x0c, unsignedLeb(depth + target - i - 1)];
        return [
          state.setBudget(i32.sub(state.budget(), i32.const(1))),
          ifThen(i32.leS(state.budget(), i32.const(0)), exitTo(offset, state, linkage)),
          localSet(nodeLocal, i32.const(target)),
          [0x0c, unsignedLeb(depth + loopLabel)],
        ];
      },
    };
    inner = [0x02, 0x40, inner, 0x0b, nodeCode(node, state, transfers, linkage)];
  });
  return [entry, 0x03, 0x40, inner, 0x0b, 0x00];
}

/** Innermost: falls out of the first block for node 0, else branches out of as many as the number says. */
function dispatchCode(count: number, nodeLocal: number): Code {
  const node = localGet(nodeLocal, "i32");
  const labels = Array.from({ length: count }, (_, i) => unsignedLeb(i));
  return [
    [i32.eqz(node).code, 0x0d, 0],
    [node.code, 0x0e, unsignedLeb(count - 1), labels.slice(0, count - 1), labels[count - 1] as Code],
  ];
}

function nodeCode(node: RegionNode, state: RegionState, transfers: Transfers, linkage: Linkage): Code {
  const code: Code[] = [];
  let last: RegionLowering | undefined;
  for (const instruction of node.instructions) {
    last = new RegionLowering(instruction, state, transfers, linkage);
    instruction.entry.instruction.lower(last);
    last.finish();
    code.push(last.code);
  }
  if (!last || last.isEnded) return [code, last ? [] : 0x00];
  const final = node.instructions.at(-1) as RegionInstruction;
  // An instruction that always leaves (a system call, say) has done so.
  if (endsNode(final) && final.entry.form.options.has("end")) return [code, 0x00];
  return [code, transfers.to(node.next, 0) ?? exitTo(node.next, state, linkage)];
}
