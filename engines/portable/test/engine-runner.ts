// Runs the oracle's cases on the whole engine: decoder, interpreter and core, in a long-mode guest of a few pages. Code runs at
// privilege 3 on the oracle's addresses; every gate of the IDT leads to a HLT of its own, which tells the vector.

import { loadArtifacts } from "../src/build/load-artifacts.ts";
import * as L from "../src/layout.ts";
import { HotCode } from "../src/runtime/hot/hot-code.ts";
import { loadRegionCompiler } from "../src/runtime/hot/region-compiler.ts";
import { type CompiledEngine, compileEngine } from "../src/runtime/artifacts.ts";
import {
  type CpuAnswer,
  type CpuCase,
  ORACLE_CODE,
  ORACLE_CODE_PAGES,
  ORACLE_DATA,
  ORACLE_WINDOW,
  ORACLE_WINDOW_BYTES,
} from "./oracle.ts";
import { Random } from "./vector/random.ts";

const RAM_BYTES = 0x10_0000;
const MEMORY_PAGES = (L.RAM_BASE + RAM_BYTES) >> 16;
const CPU = L.VCPU_AREA_BASE;
const NO_TIME = 26;

/** Where things are in guest RAM, and the linear address of the supervisor's part of it. */
const GPA = {
  tables: 0x1000,
  code: [0x7000, 0x12000],
  data: 0x8000,
  idt: 0xa000,
  gdt: 0xb000,
  stubs: 0xc000,
  stack: 0xd000,
  supervisorTables: 0xe000,
};
const SUPERVISOR = 0xffff_ff80_0000_0000n;
const linear = (gpa: number): bigint => SUPERVISOR + BigInt(gpa - GPA.idt);
const TSS_OFFSET = 0x100;
const STACK_TOP = linear(GPA.stack) + 0x1000n;
/** Linux's, so that the oracle's host and this guest agree on every selector up to that of the task. */
const SELECTOR = { kernelCode: 0x10, userCode32: 0x23, userCode: 0x33, userData: 0x2b, task: 0x40 };
const DESCRIPTORS = [
  0x0000_0000_0000_0000n,
  0x00cf_9b00_0000_ffffn,
  0x00af_9b00_0000_ffffn,
  0x00cf_9300_0000_ffffn,
  0x00cf_fb00_0000_ffffn,
  0x00cf_f300_0000_ffffn,
  0x00af_fb00_0000_ffffn,
];

const CR0 = 0x8005_0033n;
/** PAE, OSFXSR, OSXMMEXCPT, FSGSBASE. */
const CR4 = 0x1_0620n;
/** SCE, LME, LMA, NXE. */
const EFER = 0xd01n;

/** Blocks a case may run for: enough for the longest of them. */
const BUDGET = 100_000;

/**
 * Where code is compiled: nowhere; each case where it starts, before it runs; the same when it has been interpreted once, to run
 * again; or, as a seeded generator says, nowhere or as the last, and also where slices end.
 */
export type RegionUse = "none" | "forced" | "repeated" | "mixed";

export interface RunOptions {
  /** The runner's if not given. */
  readonly regions?: RegionUse;
  /** With "repeated" and "mixed": addresses at which the code is compiled; where it starts if not given. */
  readonly entries?: readonly bigint[];
  /** Addresses that regions may go over, besides those that the case jumped to; all of its code if not given. */
  readonly places?: readonly bigint[];
  /** Ends slices after this many blocks at random; the next one may start with compiling. */
  readonly maxSliceBlocks?: number;
}

type CoreFunctions = Readonly<Record<string, (...operands: (number | bigint)[]) => number>>;

/** What HEARTH_REGIONS asks for. */
export function wantedRegions(): RegionUse {
  const wanted = process.env["HEARTH_REGIONS"];
  if (wanted === "mixed") return "mixed";
  return wanted === "1" || wanted === "forced" ? "forced" : "none";
}

/** The whole engine with one vCPU; no devices, no interrupts. */
export class EngineRunner {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #core: CoreFunctions;
  readonly #run: (cpu: number) => number;
  readonly #hotCode: HotCode | undefined;
  readonly #regions: RegionUse;
  readonly #random = new Random(1);

  private constructor({ core, interpreter, decoderTables }: CompiledEngine, regions: RegionUse) {
    this.#regions = regions;
    const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true });
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    const missing = (name: string) => (): never => {
      throw new Error(`${name} is not for user-mode instructions`);
    };
    const stubs = Object.fromEntries(
      WebAssembly.Module.imports(core).map(({ name }) => [name, missing(name)]),
    );
    const exports = new WebAssembly.Instance(core, { env: { ...stubs, memory } }).exports;
    this.#core = exports as CoreFunctions;
    const instance = new WebAssembly.Instance(interpreter, { hearth: { memory }, core: exports });
    this.#run = instance.exports["run"] as (cpu: number) => number;
    const firstSlot = (instance.exports["handlers"] as WebAssembly.Table).length - L.REGION_SLOTS;
    const parts = {
      view: this.#view,
      memory,
      core: exports,
      interpreter: instance.exports,
      firstSlot,
    };
    this.#hotCode = regions === "none" ? undefined : new HotCode(parts);
    this.#bytes.set(decoderTables, L.DECODER_TABLE_BASE);
    this.#view.setUint32(L.ENGINE_VCPU_COUNT, 1, true);
    this.#prepareGuest();
  }

  /**
   * Loads the engine's artifacts, building them first if sources changed. HEARTH_REGIONS asks for regions where nothing else
   * is given: 1 or forced, mixed.
   */
  static async create(regions = wantedRegions()): Promise<EngineRunner> {
    if (regions !== "none") await loadRegionCompiler();
    return new EngineRunner(await compileEngine(await loadArtifacts()), regions);
  }

  /** Runs one case and returns the state after it, as the oracle does. */
  run(before: CpuCase, options: RunOptions = {}): CpuAnswer {
    const { regions = this.#regions } = options;
    this.#loadCode(before);
    if (regions === "mixed" || regions === "repeated") {
      this.#load(before);
      const exit = this.#runSlices(undefined, false);
      if (regions === "mixed" && this.#random.below(4) === 0) return this.#answer(exit);
      if (!this.#holdsCode(before)) this.#loadCode(before);
      this.#compile(before, options);
    }
    this.#load(before);
    if (regions === "forced") this.#hotCode?.compileHere(CPU);
    return this.#answer(this.#runSlices(options.maxSliceBlocks, regions === "mixed"));
  }

  #load(before: CpuCase): void {
    const data = L.RAM_BASE + GPA.data;
    this.#bytes.fill(0, data, data + 0x2000);
    this.#bytes.set(before.window, data + Number(ORACLE_WINDOW - ORACLE_DATA));
    this.#setSystemState();
    this.#setSegments(before);
    this.#setUserState(before);
  }

  #runSlices(maxBlocks: number | undefined, compiles: boolean): number {
    for (let left = BUDGET; ; ) {
      const blocks = maxBlocks === undefined ? left : 1 + this.#random.below(maxBlocks);
      this.#cpu32(L.CPU_BUDGET, blocks);
      const exit = this.#run(CPU);
      left -= blocks;
      if (exit !== L.EXIT_STOP || left <= 0) return exit;
      if (compiles && this.#random.below(8) === 0) this.#hotCode?.compileHere(CPU);
    }
  }

  /** Compiles code in the state the case starts in. */
  #compile(before: CpuCase, options: RunOptions): void {
    const { code, codeAddress = ORACLE_CODE } = before;
    const { entries = [codeAddress], places = Array.from(code, (_, i) => codeAddress + BigInt(i)) } = options;
    this.#load(before);
    for (const place of places) this.#function("enterAt")(CPU, place);
    for (const entry of entries) {
      this.#cpu64(L.CPU_RIP, entry);
      this.#hotCode?.compileHere(CPU);
    }
  }

  #loadCode({ code, codeAddress = ORACLE_CODE }: CpuCase): void {
    const [first, second] = GPA.code.map((gpa) => L.RAM_BASE + gpa) as [number, number];
    const offset = Number(codeAddress - ORACLE_CODE_PAGES);
    const here = Math.max(0, 0x1000 - offset);
    for (const page of [first, second]) this.#bytes.fill(0xcc, page, page + 0x1000);
    this.#bytes.set(code.subarray(0, here), first + offset);
    this.#bytes.set(code.subarray(here), second + Math.max(0, offset - 0x1000));
    for (const gpa of GPA.code) this.#function("invalidateCodePage")(gpa >> 12);
  }

  /** Has the case left its code as it was? */
  #holdsCode({ code, codeAddress = ORACLE_CODE }: CpuCase): boolean {
    return code.every((byte, i) => {
      const offset = Number(codeAddress - ORACLE_CODE_PAGES) + i;
      return this.#bytes[L.RAM_BASE + (GPA.code[offset >> 12] as number) + (offset & 0xfff)] === byte;
    });
  }

  #function(name: string): (...operands: (number | bigint)[]) => number {
    const found = this.#core[name];
    if (found === undefined) throw new Error(`the core does not export ${name}`);
    return found;
  }

  #ram64(gpa: number, value: bigint): void {
    this.#view.setBigUint64(L.RAM_BASE + gpa, value, true);
  }

  #prepareGuest(): void {
    this.#mapPages();
    for (let vector = 0; vector < 256; vector++) {
      const stub = linear(GPA.stubs) + BigInt(vector);
      // Present interrupt gate; privilege 3 may use the ones of INT3 and INTO.
      const access = vector === 3 || vector === 4 ? 0xeen : 0x8en;
      const selector = BigInt(SELECTOR.kernelCode) << 16n;
      const low = (stub & 0xffffn) | selector | (access << 40n) | ((stub >> 16n) << 48n);
      this.#ram64(GPA.idt + vector * 16, low);
      this.#ram64(GPA.idt + vector * 16 + 8, stub >> 32n);
      this.#bytes[L.RAM_BASE + GPA.stubs + vector] = 0xf4;
    }
    DESCRIPTORS.forEach((descriptor, n) => this.#ram64(GPA.gdt + n * 8, descriptor));
    this.#ram64(GPA.gdt + TSS_OFFSET + 4, STACK_TOP);
    // No map of I/O ports: programs may use none.
    this.#view.setUint16(L.RAM_BASE + GPA.gdt + TSS_OFFSET + 102, 0x8000, true);
    this.#view.setBigUint64(L.ENGINE_RAM_LOW_BYTES, BigInt(RAM_BYTES), true);
    this.#function("resetBlocks")(CPU);
    this.#function("resetTlb")(CPU);
  }

  /** Four-level tables: the oracle's pages for the user in the first gigabyte, ours for the supervisor in the upper half. */
  #mapPages(): void {
    const [pml4, pdpt, pd, data, code, own] = [0, 1, 2, 3, 4, 5].map((n) => GPA.tables + n * 0x1000) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const entry = (gpa: number): bigint => BigInt(gpa) | 7n;
    const directory = (address: bigint): number => pd + Number((address >> 21n) & 511n) * 8;
    this.#ram64(pml4, entry(pdpt));
    this.#ram64(pdpt, entry(pd));
    this.#ram64(directory(ORACLE_DATA), entry(data));
    this.#ram64(directory(ORACLE_CODE), entry(code));
    const upper = GPA.supervisorTables;
    this.#ram64(pml4 + 511 * 8, entry(upper));
    this.#ram64(upper, entry(upper + 0x1000));
    this.#ram64(upper + 0x1000, entry(own));
    const noExecute = 1n << 63n;
    for (let n = 0; n < 2; n++) this.#ram64(data + n * 8, entry(GPA.data + n * 0x1000) | noExecute);
    GPA.code.forEach((gpa, n) =>
      this.#ram64(code + (Number((ORACLE_CODE_PAGES >> 12n) & 511n) + n) * 8, entry(gpa)),
    );
    for (let n = 0; n < 4; n++) this.#ram64(own + n * 8, BigInt(GPA.idt + n * 0x1000) | 3n);
  }

  #cpu64(offset: number, value: bigint): void {
    this.#view.setBigUint64(CPU + offset, value, true);
  }

  #cpu32(offset: number, value: number): void {
    this.#view.setUint32(CPU + offset, value, true);
  }

  #segment(number: number, selector: number, base: bigint, limit: number, attributes: number): void {
    const at = L.CPU_SEG + number * L.SEG_SIZE;
    this.#cpu64(at, base);
    this.#cpu32(at + 8, limit);
    this.#view.setUint16(CPU + at + 12, selector, true);
    this.#view.setUint16(CPU + at + 14, attributes, true);
  }

  #setSystemState(): void {
    this.#cpu64(L.CPU_CR0, CR0);
    this.#cpu64(L.CPU_CR2, 0n);
    this.#cpu64(L.CPU_CR3, BigInt(GPA.tables));
    this.#cpu64(L.CPU_CR4, CR4);
    this.#cpu64(L.CPU_EFER, EFER);
    this.#segment(L.SEG_LDTR, 0, 0n, 0, 0);
    this.#segment(L.SEG_TR, SELECTOR.task, linear(GPA.gdt) + BigInt(TSS_OFFSET), 0x67, 0x008b);
    this.#cpu64(L.CPU_GDTR_BASE, linear(GPA.gdt));
    this.#cpu32(L.CPU_GDTR_LIMIT, 0xff);
    this.#cpu64(L.CPU_IDTR_BASE, linear(GPA.idt));
    this.#cpu32(L.CPU_IDTR_LIMIT, 0xfff);
    this.#cpu32(L.CPU_CPL, 3);
    this.#cpu32(L.CPU_HALTED, 0);
    this.#cpu64(L.CPU_ZERO, 0n);
  }

  #setSegments({ bits, fsBase = 0n, gsBase = 0n }: CpuCase): void {
    for (const n of [L.SEG_ES, L.SEG_SS, L.SEG_DS])
      this.#segment(n, SELECTOR.userData, 0n, 0xffff_ffff, 0xc0f3);
    this.#segment(L.SEG_FS, 0, fsBase, 0, 0);
    this.#segment(L.SEG_GS, 0, gsBase, 0, 0);
    if (bits === 32) this.#segment(L.SEG_CS, SELECTOR.userCode32, 0n, 0xffff_ffff, 0xc0fb);
    else this.#segment(L.SEG_CS, SELECTOR.userCode, 0n, 0xffff_ffff, 0xa0fb);
  }

  #setUserState(before: CpuCase): void {
    before.gpr.forEach((value, n) => this.#cpu64(L.CPU_GPR + n * 8, value));
    this.#cpu64(L.CPU_RIP, before.codeAddress ?? ORACLE_CODE);
    this.#function("setFlags")(CPU, Number(before.rflags));
    this.#function("updateMode")(CPU);
    const image = new DataView(before.fxsave.buffer, before.fxsave.byteOffset, 512);
    const control = (image.getUint16(0, true) & 0x1f3f) | 0x40;
    const status = image.getUint16(2, true) & 0x7f7f;
    const pending = (status & ~control & 0x3f) !== 0 ? 0x8080 : 0;
    this.#view.setUint16(CPU + L.CPU_FCW, control, true);
    this.#view.setUint16(CPU + L.CPU_FSW, status | pending, true);
    this.#view.setUint16(CPU + L.CPU_FTW, image.getUint8(4), true);
    this.#cpu64(L.CPU_FIP, 0n);
    this.#cpu64(L.CPU_FDP, 0n);
    this.#cpu32(L.CPU_MXCSR, image.getUint32(24, true));
    this.#bytes.set(before.fxsave.subarray(160, 416), CPU + L.CPU_XMM);
    for (let i = 0; i < 8; i++) {
      const at = CPU + L.CPU_FPR + (((status >> 11) + i) & 7) * 16;
      this.#bytes.set(before.fxsave.subarray(32 + i * 16, 48 + i * 16), at);
    }
  }

  #answer(exit: number): CpuAnswer {
    const [view, bytes] = [this.#view, this.#bytes];
    const rip = view.getBigUint64(CPU + L.CPU_RIP, true);
    const vector = Number(rip - linear(GPA.stubs)) - 1;
    const halted = exit === L.EXIT_HALT && vector >= 0 && vector < 256;
    if (!halted && exit !== L.EXIT_STOP)
      throw new Error(`the engine left with ${exit} at ${rip.toString(16)}`);
    const gpr = BigUint64Array.from({ length: 16 }, (_, n) =>
      view.getBigUint64(CPU + L.CPU_GPR + n * 8, true),
    );
    const frameBytes = Number(STACK_TOP - (gpr[4] as bigint));
    const pushed = (n: number): bigint =>
      view.getBigUint64(L.RAM_BASE + GPA.stack + 0x1000 - 40 + n * 8, true);
    if (halted) gpr[4] = pushed(3);
    const window = L.RAM_BASE + GPA.data + Number(ORACLE_WINDOW - ORACLE_DATA);
    return {
      gpr,
      rip: halted ? pushed(0) : rip,
      rflags: halted ? pushed(2) : 0n,
      cr2: view.getBigUint64(CPU + L.CPU_CR2, true),
      vector: halted ? vector : 0,
      errorCode: halted && frameBytes === 48 ? Number(pushed(-1)) : 0,
      signal: halted ? 0 : NO_TIME,
      cs: halted ? Number(pushed(1)) & 0xffff : 0,
      fxsave: this.#fxsave(),
      window: bytes.slice(window, window + ORACLE_WINDOW_BYTES),
    };
  }

  #fxsave(): Uint8Array {
    const image = new Uint8Array(512);
    const words = new DataView(image.buffer);
    const status = this.#view.getUint16(CPU + L.CPU_FSW, true);
    words.setUint16(0, this.#view.getUint16(CPU + L.CPU_FCW, true), true);
    words.setUint16(2, status, true);
    words.setUint8(4, this.#view.getUint8(CPU + L.CPU_FTW));
    words.setUint32(24, this.#view.getUint32(CPU + L.CPU_MXCSR, true), true);
    words.setUint32(28, 0xffff, true);
    for (let i = 0; i < 8; i++) {
      const at = CPU + L.CPU_FPR + (((status >> 11) + i) & 7) * 16;
      image.set(this.#bytes.subarray(at, at + 10), 32 + i * 16);
    }
    image.set(this.#bytes.subarray(CPU + L.CPU_XMM, CPU + L.CPU_XMM + 256), 160);
    return image;
  }
}
