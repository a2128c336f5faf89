// A region: code of one page, from an entry along its jumps, cut into nodes. Made from the micro-ops the decoder left.

import type { HandlerEntry } from "../decode/handlers.ts";
import {
  HANDLER_CHECK_PAGE,
  HANDLER_CONTINUE,
  HANDLER_NOP,
  HANDLER_RAISE,
  HANDLER_REDECODE,
} from "../layout-decoder.ts";
import {
  UOP_A,
  UOP_ADDRESS_SHIFT,
  UOP_B,
  UOP_BASE,
  UOP_DISP,
  UOP_HANDLER,
  UOP_IMM,
  UOP_INDEX,
  UOP_LENGTH,
  UOP_LINEAR_SHIFT,
  UOP_OFFSET,
  UOP_SCALE,
  UOP_SEGMENT,
  UOP_SIZE,
} from "../layout.ts";

const MAX_NODES = 48;
const MAX_INSTRUCTIONS = 400;
const PAGE = 4096;

export interface RegionInstruction {
  readonly uop: number;
  readonly entry: HandlerEntry;
  readonly offset: number;
  readonly length: number;
  readonly a: number;
  readonly b: number;
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  readonly segment: number;
  readonly addressShift: number;
  readonly linearShift: number;
  readonly displacement: number;
  readonly immediate: bigint;
}

export interface RegionNode {
  readonly offset: number;
  readonly instructions: readonly RegionInstruction[];
  /** Where execution goes after the last instruction unless that one jumps away. */
  readonly next: number;
}

/** What formation needs of the engine. */
export interface CodeSource {
  readonly view: DataView;
  readonly entries: readonly HandlerEntry[];
  /** Micro-ops of the block at a page offset; 0 when it has not been decoded. */
  blockAt(offset: number): number;
  /** The handler a micro-op had before a region was entered through it. */
  originalHandler(handler: number): number;
}

export function isRelative(instruction: RegionInstruction): boolean {
  return instruction.entry.form.operands.some((o) => o.kind === "relative");
}

/** Calls leave the region: their targets are other functions. */
export function targetOf(instruction: RegionInstruction): number | undefined {
  if (!isRelative(instruction) || instruction.entry.form.mnemonic === "call") return undefined;
  const target = Number(instruction.immediate);
  return target >= 0 && target < PAGE ? target : undefined;
}

export function endsNode(instruction: RegionInstruction): boolean {
  return instruction.entry.form.options.has("end") || isRelative(instruction);
}

/** Nodes in the order they were found; the first is the entry. Undefined when there is nothing worth compiling. */
export function formRegion(source: CodeSource, entryOffset: number): RegionNode[] | undefined {
  const code = new Map<number, RegionInstruction>();
  const leaders = new Set<number>([entryOffset]);
  const work = [entryOffset];
  const follow = (offset: number): void => {
    if (offset < PAGE && !leaders.has(offset) && leaders.size < MAX_NODES) {
      leaders.add(offset);
      work.push(offset);
    }
  };
  while (work.length > 0 && code.size < MAX_INSTRUCTIONS) {
    for (const instruction of blockInstructions(source, work.shift() as number)) {
      if (code.has(instruction.offset)) {
        leaders.add(instruction.offset);
        break;
      }
      code.set(instruction.offset, instruction);
      const target = targetOf(instruction);
      if (target !== undefined) follow(target);
      if (isRelative(instruction) && !instruction.entry.form.options.has("end"))
        leaders.add(instruction.offset + instruction.length);
    }
  }
  const nodes = [...leaders]
    .filter((offset) => code.has(offset))
    .map((offset) => cutNode(code, leaders, offset));
  return nodes[0]?.offset === entryOffset ? nodes : undefined;
}

function cutNode(
  code: ReadonlyMap<number, RegionInstruction>,
  leaders: ReadonlySet<number>,
  offset: number,
): RegionNode {
  const instructions: RegionInstruction[] = [];
  let at = offset;
  for (;;) {
    const instruction = code.get(at);
    if (!instruction || (at !== offset && leaders.has(at))) break;
    instructions.push(instruction);
    at += instruction.length;
    if (endsNode(instruction)) break;
  }
  return { offset, instructions, next: at };
}

/** Instructions of the block at `offset` and of those it continues in. */
function* blockInstructions(source: CodeSource, offset: number): Generator<RegionInstruction> {
  let uop = source.blockAt(offset);
  for (let steps = 0; uop !== 0 && steps < MAX_INSTRUCTIONS; steps++, uop += UOP_SIZE) {
    const handler = source.originalHandler(source.view.getUint32(uop + UOP_HANDLER, true));
    if (handler === HANDLER_REDECODE || handler === HANDLER_RAISE || handler === HANDLER_CHECK_PAGE) return;
    if (handler === HANDLER_CONTINUE) {
      const next = Number(source.view.getBigInt64(uop + UOP_IMM, true));
      uop = (next < PAGE ? source.blockAt(next) : 0) - UOP_SIZE;
      if (uop < 0) return;
      continue;
    }
    const instruction = readInstruction(source, uop, handler);
    // Interrupts are looked for soon after it: the interpreter's blocks are cut for that.
    if (instruction.entry.form.options.has("shadow")) return;
    yield instruction;
    if (handler !== HANDLER_NOP && instruction.entry.form.options.has("end")) return;
  }
}

function readInstruction(source: CodeSource, uop: number, handler: number): RegionInstruction {
  const { view } = source;
  return {
    uop,
    entry: source.entries[handler] as HandlerEntry,
    offset: view.getUint16(uop + UOP_OFFSET, true),
    length: view.getUint8(uop + UOP_LENGTH),
    a: view.getUint16(uop + UOP_A, true),
    b: view.getUint16(uop + UOP_B, true),
    base: view.getUint16(uop + UOP_BASE, true),
    index: view.getUint16(uop + UOP_INDEX, true),
    scale: view.getUint8(uop + UOP_SCALE),
    segment: view.getUint16(uop + UOP_SEGMENT, true),
    addressShift: view.getUint8(uop + UOP_ADDRESS_SHIFT),
    linearShift: view.getUint8(uop + UOP_LINEAR_SHIFT),
    displacement: view.getInt32(uop + UOP_DISP, true),
    immediate: view.getBigInt64(uop + UOP_IMM, true),
  };
}
