// Finds hot code and compiles it. Where slices end by their budget there was a jump, the more often the hotter its target: after a
// few such samples the region there is compiled and entered through the first micro-op of its block, whose handler it becomes.
//
// When the code of a region changes, its micro-ops are overwritten like any others and nothing leads to it any more. Places in
// the table are given back only when all blocks are forgotten.

import {
  CPU_CODE_PAGE,
  CPU_MODE,
  CPU_RIP,
  ENGINE_COUNT_ARENA_RESETS,
  MODE_CODE_MASK,
  MODE_CODE64,
  MODE_SINGLE,
  UOP_HANDLER,
} from "../layout.ts";
import type { compileRegionAt } from "../regions/compiler.ts";

/** Samples at one place that make it hot. */
const HOT = 3;
/** At most this share of the time goes into compiling, after a start that is free. */
const COMPILE_SHARE = 0.15;
const FREE_COMPILE_MS = 30;
const MAX_BYTES = 24 * 1024 * 1024;

/** The compiler brings the instruction tables with it: it is loaded when the machine runs already. */
let compile: typeof compileRegionAt | undefined;

export async function loadRegionCompiler(): Promise<void> {
  compile ??= (await import("../regions/compiler.ts")).compileRegionAt;
}

export interface HotCodeParts {
  readonly view: DataView;
  readonly memory: WebAssembly.Memory;
  readonly core: WebAssembly.Exports;
  readonly interpreter: WebAssembly.Exports;
  /** First table place behind the handlers. */
  readonly firstSlot: number;
}

export class HotCode {
  readonly #view: DataView;
  /** Area of the vCPU the present call is about. */
  #area = 0;
  readonly #table: WebAssembly.Table;
  readonly #imports: WebAssembly.Imports;
  readonly #enterAt: (cpu: number, linear: bigint) => number;
  readonly #resetBlocks: (cpu: number) => void;
  readonly #firstSlot: number;
  readonly #samples = new Map<number, number>();
  /** What stood in the micro-op before, by table place. */
  readonly #handlerBefore = new Map<number, number>();
  readonly #startMs = performance.now();
  #compileMs = 0;
  #bytes = 0;
  #nextSlot: number;
  #resets = 0n;

  constructor({ view, memory, core, interpreter, firstSlot }: HotCodeParts) {
    this.#view = view;
    this.#table = interpreter["handlers"] as WebAssembly.Table;
    const jumpFar = interpreter["jumpFar"] as WebAssembly.ExportValue;
    this.#imports = { hearth: { memory, jumpFar }, core };
    this.#enterAt = core["enterAt"] as (cpu: number, linear: bigint) => number;
    this.#resetBlocks = core["resetBlocks"] as (cpu: number) => void;
    this.#firstSlot = firstSlot;
    this.#nextSlot = firstSlot;
  }

  /** A slice of the vCPU at `area` ended here by its budget. */
  sample(area: number): void {
    this.#area = area;
    const uop = this.#entryUop();
    if (uop === 0) return;
    const count = (this.#samples.get(uop) ?? 0) + 1;
    this.#samples.set(uop, count);
    if (count < HOT) return;
    if (compile === undefined) void loadRegionCompiler();
    else if (!this.#isOverspent()) this.#compile(uop);
  }

  /** Compiles the code at RIP now; false when there is nothing to compile. For tests. */
  compileHere(area: number): boolean {
    this.#area = area;
    const uop = this.#entryUop();
    return uop !== 0 && this.#compile(uop);
  }

  /** The micro-op at RIP, decoded if need be; 0 where regions do not reach. */
  #entryUop(): number {
    const mode = this.#view.getUint32(this.#area + CPU_MODE, true);
    if ((mode & MODE_CODE_MASK) !== MODE_CODE64 || (mode & MODE_SINGLE) !== 0) return 0;
    this.#noticeReset();
    return this.#enterAt(this.#area, this.#view.getBigUint64(this.#area + CPU_RIP, true));
  }

  #noticeReset(): void {
    const resets = this.#view.getBigUint64(ENGINE_COUNT_ARENA_RESETS, true);
    if (resets === this.#resets) return;
    this.#resets = resets;
    this.#samples.clear();
    this.#handlerBefore.clear();
    this.#nextSlot = this.#firstSlot;
    this.#bytes = 0;
  }

  #isOverspent(): boolean {
    return this.#compileMs > FREE_COMPILE_MS + COMPILE_SHARE * (performance.now() - this.#startMs);
  }

  #compile(uop: number): boolean {
    const current = this.#view.getUint32(uop + UOP_HANDLER, true);
    if (current >= this.#firstSlot) return false;
    if (this.#nextSlot >= this.#table.length || this.#bytes > MAX_BYTES) {
      this.#resetBlocks(this.#area);
      return false;
    }
    const startMs = performance.now();
    const bytes = this.#translate();
    if (bytes) {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.#imports);
      const slot = this.#nextSlot++;
      this.#table.set(slot, exports["region"]);
      this.#handlerBefore.set(slot, current);
      this.#view.setUint32(uop + UOP_HANDLER, slot, true);
      this.#bytes += bytes.length;
    }
    this.#compileMs += performance.now() - startMs;
    return bytes !== undefined;
  }

  #translate(): Uint8Array<ArrayBuffer> | undefined {
    const rip = this.#view.getBigUint64(this.#area + CPU_RIP, true);
    const page = this.#view.getBigUint64(this.#area + CPU_CODE_PAGE, true);
    const source = {
      view: this.#view,
      blockAt: (offset: number) => this.#enterAt(this.#area, page + BigInt(offset)),
      originalHandler: (handler: number) => this.#handlerBefore.get(handler) ?? handler,
    };
    return compile?.(source, Number(rip & 0xfffn));
  }
}
