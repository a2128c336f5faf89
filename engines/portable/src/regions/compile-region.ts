// Regions as a WebAssembly module, one function each, of a handler's signature. The nodes of a region become structured control
// flow: loops are loops, a node that is reached one way is written where it is reached.

import type { HandlerEntry } from "../decode/handlers.ts";
import type { Code } from "../encoder/bytes.ts";
import { i32, i64, ifThen, likely, unlikely } from "../encoder/expressions.ts";
import { type FunctionBody, functionBody, ModuleBuilder } from "../encoder/module.ts";
import { HANDLER_SIGNATURE } from "../interpreter/handler.ts";
import { UOP_SIZE } from "../layout.ts";
import type { Linkage } from "../lowering/linkage.ts";
import { analyseControlFlow, type ControlFlow } from "./control-flow.ts";
import { NO_NODE, pageOfPlace, type RegionImage, type RegionNode, unpackNodes } from "./image.ts";
import { type Instruction, readInstruction } from "./instruction.ts";
import { enterPage } from "./page-entry.ts";
import { branch, OUTER_LABELS, RegionCode } from "./region-code.ts";
import { regionExport } from "./region-name.ts";
import { RegionLowering, type Transfers } from "./region-lowering.ts";

/**
 * One module with a function for each image. It imports `hearth.memory`, `hearth.handlers`, `hearth.jumpFar` and core functions.
 * `labels` name the functions for profilers.
 */
export function compileRegions(
  images: readonly RegionImage[],
  entries: readonly HandlerEntry[],
  memoryMaxPages: number,
  labels: readonly string[] = [],
): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  builder.importMemory("hearth", "memory", 1, memoryMaxPages);
  builder.importTable("hearth", "handlers");
  const linkage = importLinkage(builder);
  // One after another becomes bytes: what code is made of takes much more room.
  const bodies = images.map((image) => new RegionCompiler(image, entries, linkage).compile());
  bodies.forEach((body, i) => {
    builder.exportFunction(regionExport(i), builder.addBody(HANDLER_SIGNATURE, body, labels[i] ?? "region"));
  });
  return builder.build();
}

function importLinkage(builder: ModuleBuilder): Linkage {
  const imported = new Map<string, number>();
  return {
    handlerType: builder.typeOf(HANDLER_SIGNATURE),
    jumpFar: builder.importFunction("hearth", "jumpFar", { params: ["i32", "i64"], results: ["i32"] }),
    coreFunction: (name, params, result) => {
      let index = imported.get(name);
      if (index === undefined) {
        index = builder.importFunction("core", name, { params, results: [result] });
        imported.set(name, index);
      }
      return index;
    },
  };
}

/** The code of one region. Places of instructions and nodes are those of its image. */
class RegionCompiler {
  readonly #nodes: readonly RegionNode[];
  readonly #flow: ControlFlow;
  readonly #instructions: readonly Instruction[];
  readonly #pages: readonly number[];
  readonly #region: RegionCode;
  /** Of a node that is branched to: the number of labels around its own. */
  readonly #loopLabels = new Map<number, number>();
  readonly #blockLabels = new Map<number, number>();

  constructor(image: RegionImage, entries: readonly HandlerEntry[], linkage: Linkage) {
    this.#nodes = unpackNodes(image.nodes);
    this.#flow = analyseControlFlow(this.#nodes);
    const view = new DataView(image.uops.buffer, image.uops.byteOffset, image.uops.byteLength);
    this.#instructions = Array.from(image.places, (place, i) =>
      readInstruction(view, entries, i * UOP_SIZE, place),
    );
    this.#pages = Array.from(image.pages);
    this.#region = new RegionCode(linkage);
  }

  compile(): FunctionBody {
    const code = this.#region.wrap(this.#tree(0, OUTER_LABELS));
    return functionBody(this.#region.state.locals, code);
  }

  /** A node and all it dominates, with `level` labels open. Control never comes out at the end. */
  #tree(node: number, level: number): Code {
    const merges = this.#flow.mergesBehind(node);
    if (!this.#flow.isLoop(node)) return this.#withMerges(node, merges, level);
    const { flags } = this.#region;
    const flagsBefore = flags.toLocals();
    flags.now = { held: "locals" };
    this.#region.known = new Set();
    this.#loopLabels.set(node, level);
    return [flagsBefore, 0x03, 0x40, this.#withMerges(node, merges, level + 1), 0x0b, 0x00];
  }

  #withMerges(node: number, merges: readonly number[], level: number): Code {
    const [last, ...others] = merges;
    if (last === undefined) return this.#node(node, level);
    this.#blockLabels.set(last, level);
    const before = this.#withMerges(node, others, level + 1);
    this.#region.flags.now = { held: "locals" };
    this.#region.known = new Set();
    return [0x02, 0x40, before, 0x0b, this.#tree(last, level)];
  }

  #node(number: number, level: number): Code {
    const node = this.#nodes[number] as RegionNode;
    const code: Code[] = [];
    const transfers = this.#transfers(number, node);
    for (let i = node.first; i < node.first + node.count; i++) {
      const lowering = new RegionLowering(
        this.#instructions[i] as Instruction,
        i,
        this.#region,
        transfers,
        level,
        number === 0 && i === node.first,
      );
      (this.#instructions[i] as Instruction).entry.instruction.lower(lowering);
      lowering.finish();
      this.#region.state.temporaries = this.#region.flags.dependencies();
      code.push(lowering.code);
      if (lowering.isEnded) return code;
    }
    if (this.#instructions[node.first + node.count - 1]?.entry.form.options.has("end")) return [code, 0x00];
    const behind =
      node.next === NO_NODE
        ? this.#region.goTo(this.#region.linear(node.end), level)
        : this.#edge(number, node.next, level);
    return [code, behind];
  }

  #transfers(number: number, node: RegionNode): Transfers {
    return {
      taken: (level) => (node.taken === NO_NODE ? undefined : this.#edge(number, node.taken, level)),
      returned: (address, level) => {
        if (node.taken === NO_NODE) return undefined;
        const isExpected = i64.eq(address, this.#region.linear(node.returnPlace));
        return ifThen(likely(isExpected), this.#edge(number, node.taken, level, true));
      },
    };
  }

  /** Goes from one node to another. What is known at the present place is afterwards what it was before. */
  #edge(from: number, to: number, level: number, isReturn = false): Code {
    const { flags, state } = this.#region;
    const flagsBefore = flags.now;
    const knownBefore = new Set(this.#region.known);
    const temporariesBefore = new Set(state.temporaries);
    const code = [this.#pageChange(from, to, level, isReturn), this.#branch(from, to, level)];
    flags.now = flagsBefore;
    this.#region.known = knownBefore;
    state.temporaries = temporariesBefore;
    return code;
  }

  #branch(from: number, to: number, level: number): Code {
    const { flags } = this.#region;
    switch (this.#flow.edgeKind(from, to)) {
      case "inline":
        return this.#tree(to, level);
      case "forward":
        return [flags.toLocals(), branch(level, this.#blockLabels.get(to) as number)];
      case "back":
        return [
          this.#spendBudget(to, level),
          flags.toLocals(),
          branch(level, this.#loopLabels.get(to) as number),
        ];
      case "leave":
        return this.#region.goTo(this.#region.linear(this.#place(to)), level);
    }
  }

  #spendBudget(to: number, level: number): Code {
    const { state } = this.#region;
    return [
      state.setBudget(i32.sub(state.budget(), i32.const(1))),
      ifThen(
        unlikely(i32.leS(state.budget(), i32.const(0))),
        this.#region.goTo(this.#region.linear(this.#place(to)), level + 1),
      ),
    ];
  }

  /**
   * Another page: it must still be mapped where it was and hold the same code, except on a return, to a page that this very run
   * through the region came from.
   */
  #pageChange(from: number, to: number, level: number, isReturn: boolean): Code {
    const page = pageOfPlace(this.#place(to));
    if (page === pageOfPlace(this.#place(from))) return [];
    const otherwise = this.#region.goTo(this.#region.linear(this.#place(to)), level + 1);
    // A call at the end of a page returns to the next one.
    const wasThere = isReturn && pageOfPlace(this.#place(to) - 1) === page;
    return enterPage(this.#region, page, this.#pages.indexOf(page), wasThere ? undefined : otherwise);
  }

  #place(node: number): number {
    return (this.#instructions[(this.#nodes[node] as RegionNode).first] as Instruction).place;
  }
}
