// Forming a region: from an entry along jumps, calls and returns, over code that has been executed. A called function is taken in
// once for each call, so that its return has one target; what follows a call is a node that the return goes to.
//
// Only blocks the interpreter has decoded are taken in: code that never ran stays outside, and costs nothing.

import type { HandlerEntry } from "../decode/handlers.ts";
import { RECORD_MAX_PAGES, UOP_HANDLER, UOP_LINK, UOP_SIZE } from "../layout.ts";
import { HANDLER_CHECK_PAGE, HANDLER_CONTINUE, HANDLER_RAISE, HANDLER_REDECODE } from "../layout-decoder.ts";
import { NO_NODE, packNodes, pageOfPlace, type RegionImage, type RegionNode } from "./image.ts";
import { type Instruction, jumpTarget, readInstruction } from "./instruction.ts";

const MAX_NODES = 32;
const MAX_INSTRUCTIONS = 200;
const MAX_CALL_DEPTH = 3;

/** What formation needs of the engine. */
export interface CodeSource {
  readonly view: DataView;
  readonly entries: readonly HandlerEntry[];
  /** Micro-ops of the block decoded at a linear address; 0 when there is none. */
  peekBlock(linear: bigint): number;
  /** Where a micro-op's original is kept when a region is entered through it, else the micro-op. */
  originalUop(uop: number): number;
}

/** A function taken in at one call: where it returns to, and in which call that is. The outermost has neither. */
interface Call {
  readonly returnPlace: number;
  readonly caller: Call | undefined;
  readonly depth: number;
  /** First places of nodes, and all places walked, within this call. */
  readonly leaders: Set<number>;
  readonly walked: Set<number>;
}

function newCall(returnPlace: number, caller: Call | undefined): Call {
  const depth = caller === undefined ? 0 : caller.depth + 1;
  return { returnPlace, caller, depth, leaders: new Set(), walked: new Set() };
}

/** The region entered at a linear address; undefined when there is nothing worth compiling. */
export function formRegion(source: CodeSource, entry: bigint): RegionImage | undefined {
  return new Formation(source, entry).form();
}

class Formation {
  readonly #source: CodeSource;
  readonly #entry: bigint;
  readonly #instructions = new Map<number, Instruction>();
  readonly #callees = new Map<string, Call>();
  readonly #pages = new Set<number>([0]);
  /** Micro-ops behind conditional jumps, where no block need start. */
  readonly #behind = new Map<number, number>();
  /** Work by call depth: the outer functions first. */
  readonly #work: [Call, number][][] = Array.from({ length: MAX_CALL_DEPTH + 1 }, () => []);
  readonly #nodes: { readonly call: Call; readonly place: number }[] = [];

  constructor(source: CodeSource, entry: bigint) {
    this.#source = source;
    this.#entry = entry;
  }

  form(): RegionImage | undefined {
    const entryPlace = Number(this.#entry & 0xfffn);
    const outermost = newCall(0, undefined);
    this.#lead(outermost, entryPlace);
    for (let next = this.#takeWork(); next !== undefined; next = this.#takeWork()) {
      if (this.#instructions.size >= MAX_INSTRUCTIONS) break;
      this.#walk(...next);
    }
    return this.#instructions.has(entryPlace) ? this.#image() : undefined;
  }

  #takeWork(): [Call, number] | undefined {
    return this.#work.find((list) => list.length > 0)?.shift();
  }

  /** Makes `place` the start of a node if there is code and room for it. */
  #lead(call: Call, place: number): void {
    if (call.leaders.has(place) || this.#nodes.length >= MAX_NODES) return;
    if (!call.walked.has(place) && !this.#isReachable(place)) return;
    if (call.depth === 0 && this.#isOtherEntry(place)) return;
    call.leaders.add(place);
    this.#nodes.push({ call, place });
    if (!call.walked.has(place)) (this.#work[call.depth] as [Call, number][]).push([call, place]);
  }

  #isReachable(place: number): boolean {
    // Places are 32 bits wide; jumps that follow each other may lead further.
    if (place !== (place | 0)) return false;
    const page = pageOfPlace(place);
    if (!this.#pages.has(page) && this.#pages.size >= RECORD_MAX_PAGES) return false;
    return this.#instructions.has(place) || this.#blockAt(place) !== 0;
  }

  /**
   * Is another region entered there? Then control goes over to it: else a loop would be compiled once for each of its blocks that has
   * been hot. A function that is called is taken in all the same, since going there and back costs more than the room.
   */
  #isOtherEntry(place: number): boolean {
    if (this.#nodes.length === 0 || this.#instructions.has(place)) return false;
    const block = this.#source.peekBlock(this.#linear(place));
    return block !== 0 && this.#source.originalUop(block) !== block;
  }

  /** Micro-ops decoded at a place; 0 when there are none. */
  #blockAt(place: number): number {
    return this.#source.peekBlock(this.#linear(place)) || (this.#behind.get(place) ?? 0);
  }

  #linear(place: number): bigint {
    return BigInt.asUintN(64, (this.#entry & ~0xfffn) + BigInt(place));
  }

  /** Goes along a straight run of instructions and notes where it leads. */
  #walk(call: Call, start: number): void {
    this.#pages.add(pageOfPlace(start));
    let uop = this.#blockAt(start);
    for (let place = start; ; ) {
      if (call.walked.has(place)) {
        this.#lead(call, place);
        return;
      }
      const instruction = this.#instructions.get(place) ?? this.#decoded(uop, place);
      if (instruction === undefined) return;
      this.#instructions.set(place, instruction);
      call.walked.add(place);
      const end = place + instruction.length;
      if (this.#follow(call, instruction, end)) return;
      if (pageOfPlace(end) !== pageOfPlace(place)) {
        this.#lead(call, end);
        return;
      }
      uop = this.#nextUop(instruction.uop, end);
      place = end;
    }
  }

  /** Micro-op of the instruction at `place` behind the one of `uop`; 0 where the decoder left none. */
  #nextUop(uop: number, place: number): number {
    const next = uop + UOP_SIZE;
    const isCut = this.#handler(next) === HANDLER_CONTINUE;
    return isCut ? this.#source.peekBlock(this.#linear(place)) : next;
  }

  #handler(uop: number): number {
    return this.#source.view.getUint32(this.#source.originalUop(uop) + UOP_HANDLER, true);
  }

  #decoded(uop: number, place: number): Instruction | undefined {
    if (uop === 0) return undefined;
    const handler = this.#handler(uop);
    if (handler === HANDLER_REDECODE || handler === HANDLER_RAISE || handler === HANDLER_CHECK_PAGE)
      return undefined;
    const original = this.#source.originalUop(uop);
    const read = readInstruction(this.#source.view, this.#source.entries, original, place);
    // The target would be cut to 16 bits.
    if (read.entry.size === 16 && jumpTarget(read) !== undefined) return undefined;
    // Interrupts are looked for soon after it: the interpreter's blocks are cut for that.
    return read.entry.form.options.has("shadow") ? undefined : { ...read, uop };
  }

  /** Makes nodes of what an instruction jumps to; true when the run ends with it. */
  #follow(call: Call, instruction: Instruction, end: number): boolean {
    const ends = instruction.entry.form.options.has("end");
    const target = jumpTarget(instruction);
    const { mnemonic } = instruction.entry.form;
    if (target !== undefined && mnemonic === "call") this.#enter(call, target, end);
    else if (target !== undefined) this.#lead(call, target);
    else if (mnemonic === "ret" && call.caller) this.#lead(call.caller, call.returnPlace);
    if (target !== undefined && !ends) {
      const isSamePage = pageOfPlace(end) === pageOfPlace(instruction.place);
      if (isSamePage) this.#behind.set(end, this.#nextUop(instruction.uop, end));
      this.#lead(call, end);
    }
    return ends || target !== undefined;
  }

  #enter(caller: Call, target: number, returnPlace: number): void {
    if (caller.depth >= MAX_CALL_DEPTH) return;
    const callee = newCall(returnPlace, caller);
    this.#lead(callee, target);
    if (callee.leaders.has(target))
      this.#callees.set(calleeKey(this.#callIndex(caller), returnPlace), callee);
  }

  readonly #callNumbers = new Map<Call, number>();

  #callIndex(call: Call): number {
    let index = this.#callNumbers.get(call);
    if (index === undefined) {
      index = this.#callNumbers.size;
      this.#callNumbers.set(call, index);
    }
    return index;
  }

  #image(): RegionImage {
    const places = [...this.#instructions.keys()].sort((a, b) => a - b);
    const indexOfPlace = new Map(places.map((place, index) => [place, index]));
    const uops = new Uint8Array(places.length * UOP_SIZE);
    places.forEach((place, index) => this.#copyUop(place, uops.subarray(index * UOP_SIZE)));
    const present = this.#nodes.filter(({ place }) => indexOfPlace.has(place));
    const numbers = new Map(present.map(({ call, place }, i) => [nodeKey(this.#callIndex(call), place), i]));
    const nodes = present.map(({ call, place }) => this.#cutNode(call, place, indexOfPlace, numbers));
    return {
      uops,
      places: Int32Array.from(places),
      pages: Int32Array.from(this.#pages),
      nodes: packNodes(nodes),
    };
  }

  #copyUop(place: number, to: Uint8Array): void {
    const { uop } = this.#instructions.get(place) as Instruction;
    const { view } = this.#source;
    const original = this.#source.originalUop(uop);
    to.set(new Uint8Array(view.buffer, view.byteOffset + original, UOP_SIZE));
    const isLinked = jumpTarget(this.#instructions.get(place) as Instruction) !== undefined;
    if (isLinked) to.fill(0, UOP_LINK, UOP_LINK + 4);
  }

  #cutNode(
    call: Call,
    place: number,
    indexOfPlace: ReadonlyMap<number, number>,
    numbers: ReadonlyMap<string, number>,
  ): RegionNode {
    const first = indexOfPlace.get(place) as number;
    let end = place;
    let count = 0;
    let last: Instruction | undefined;
    for (;;) {
      const instruction = this.#instructions.get(end);
      // Jumps into instructions: those of another stream may lie between this one's.
      if (!instruction || indexOfPlace.get(end) !== first + count) break;
      if (end !== place && (call.leaders.has(end) || pageOfPlace(end) !== pageOfPlace(place))) break;
      last = instruction;
      count++;
      end += instruction.length;
      if (endsNode(instruction)) break;
    }
    const find = (inCall: Call | undefined, at: number | undefined): number =>
      inCall === undefined || at === undefined
        ? NO_NODE
        : (numbers.get(nodeKey(this.#callIndex(inCall), at)) ?? NO_NODE);
    const target = last && jumpTarget(last);
    const mnemonic = last?.entry.form.mnemonic;
    let taken = find(call, target);
    if (mnemonic === "call") taken = find(this.#callees.get(calleeKey(this.#callIndex(call), end)), target);
    if (mnemonic === "ret") taken = find(call.caller, call.returnPlace);
    const next = last?.entry.form.options.has("end") ? NO_NODE : find(call, end);
    return { first, count, end, taken, next, returnPlace: call.returnPlace };
  }
}

/** Does control go elsewhere, perhaps, after this instruction? */
function endsNode(instruction: Instruction): boolean {
  return instruction.entry.form.options.has("end") || jumpTarget(instruction) !== undefined;
}

const nodeKey = (call: number, place: number): string => `${call}:${place}`;
const calleeKey = (caller: number, returnPlace: number): string => `${caller}:${returnPlace}`;
