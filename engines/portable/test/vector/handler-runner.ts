// Runs single interpreter handlers on a state like the oracle's: the generated module with the vector functions of the core and
// stand-ins for its memory, x87 state and run loop. Memory is the oracle's two pages.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { InterpreterModule } from "../../src/interpreter/module.ts";
import {
  CPU_CPUID_COUNT,
  CPU_CR4,
  CPU_ERROR_CODE,
  CPU_FLAG_AUX,
  CPU_FLAG_RESULT,
  CPU_FPR,
  CPU_FSW,
  CPU_FTW,
  CPU_GPR,
  CPU_MXCSR,
  CPU_TLB,
  CPU_TLB_BANKS,
  CPU_VECTOR,
  CPU_XMM,
  EXIT_EXCEPTION,
  RAM_BASE,
  UOP_ARENA_BASE,
  UOP_SIZE,
  VCPU_AREA_BASE,
  VCPU_AREA_SIZE,
} from "../../src/layout.ts";
import { HANDLER_RAISE } from "../../src/layout-decoder.ts";
import {
  type CpuState,
  ORACLE_DATA,
  ORACLE_DATA_BYTES,
  ORACLE_WINDOW,
  ORACLE_WINDOW_BYTES,
} from "../oracle.ts";

const MEMORY_PAGES = (RAM_BASE + 0x1_0000) >> 16;
export const MEMORY_MAX_PAGES = 2048;
const CPU = VCPU_AREA_BASE;
const WINDOW = RAM_BASE + Number(ORACLE_WINDOW - ORACLE_DATA);
const CR4_OSXMMEXCPT = 0x400n;

/** What is left of a state after a handler ran: an exception vector, or 3 as the oracle has it at the end of code. */
export interface HandlerAnswer extends Omit<CpuState, "rip"> {
  readonly vector: number;
}

/** Compiles the vector part of the core (a few seconds). */
function compileCore(memory: WebAssembly.Memory): WebAssembly.Exports {
  const folder = mkdtempSync(join(tmpdir(), "hearth-vector-"));
  try {
    const entry = fileURLToPath(new URL("../../src/core/vector-functions.ts", import.meta.url));
    const manifest = createRequire(import.meta.url).resolve("assemblyscript/package.json");
    const output = join(folder, "core.wasm");
    const limits = [
      "--importMemory",
      "--sharedMemory",
      "--initialMemory",
      "1",
      "--maximumMemory",
      `${MEMORY_MAX_PAGES}`,
    ];
    const options = [
      "--runtime",
      "stub",
      "--enable",
      "simd,threads,bulk-memory",
      "--noAssert",
      "-O3",
      "--memoryBase",
      "4096",
    ];
    execFileSync(
      process.execPath,
      [join(manifest, "..", "bin", "asc.js"), entry, "-o", output, ...limits, ...options],
      { stdio: "pipe" },
    );
    const module = new WebAssembly.Module(readFileSync(output));
    return new WebAssembly.Instance(module, { env: { memory } }).exports;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export class HandlerRunner {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #run: (cpu: number) => number;
  #entries = 0;
  #ended = false;
  #exit = 0;

  constructor(module: InterpreterModule) {
    const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_MAX_PAGES, shared: true });
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    // No tag of the TLB ever matches: every access takes the slow path.
    this.#bytes.fill(0xff, CPU + CPU_TLB_BANKS, CPU + VCPU_AREA_SIZE);
    const missing = (name: string) => (): never => {
      throw new Error(`${name} is not for single handlers`);
    };
    const core: Record<string, unknown> = Object.fromEntries(
      module.imports.map((name) => [name, missing(name)]),
    );
    Object.assign(core, compileCore(memory), this.#standIns());
    const compiled = new WebAssembly.Module(module.bytes);
    const instance = new WebAssembly.Instance(compiled, {
      hearth: { memory },
      core: core as WebAssembly.ModuleImports,
    });
    this.#run = instance.exports["run"] as (cpu: number) => number;
  }

  /** Runs the handler of one micro-op and returns the state after it. */
  run(state: CpuState, uop: Uint8Array): HandlerAnswer {
    this.#load(state);
    this.#bytes.set(uop, UOP_ARENA_BASE);
    this.#view.setUint32(UOP_ARENA_BASE + UOP_SIZE, HANDLER_RAISE, true);
    this.#entries = 0;
    this.#ended = false;
    this.#run(CPU);
    const vector = this.#ended
      ? 3
      : this.#exit === EXIT_EXCEPTION
        ? this.#view.getUint32(CPU + CPU_VECTOR, true)
        : -1;
    return { ...this.#save(state), vector };
  }

  #standIns(): Record<string, unknown> {
    const access = (cpu: number, address: bigint, bytes: number): number => this.#access(cpu, address, bytes);
    return {
      nextEntry: (_: number, exit: number): number => {
        this.#exit = exit;
        return this.#entries++ === 0 ? UOP_ARENA_BASE : 0;
      },
      exitReason: () => 0,
      raiseImmediate: () => {
        this.#ended = true;
        return 1;
      },
      readSlow: access,
      writeSlow: access,
      checkWrite: (cpu: number, _: number, address: bigint, bytes: number) =>
        access(cpu, address, bytes) ? 0 : EXIT_EXCEPTION + 1,
      enterMmx: (cpu: number) => this.#setStack(cpu, 0xff),
      emms: (cpu: number) => this.#setStack(cpu, 0),
      mmxWritten: (cpu: number, _: number, slot: number) => {
        this.#view.setUint16(cpu + slot + 8, 0xffff, true);
        return 0;
      },
      storeMasked: (cpu: number, _: number, selected: bigint, low: bigint, high: bigint) => {
        const data = BigInt.asUintN(64, low) | (BigInt.asUintN(64, high) << 64n);
        const host = access(cpu, this.#view.getBigInt64(cpu + CPU_GPR + 7 * 8, true), 16);
        if (host === 0) return EXIT_EXCEPTION + 1;
        for (let i = 0; i < 16; i++)
          if ((selected >> BigInt(i)) & 1n) this.#bytes[host + i] = Number((data >> BigInt(8 * i)) & 0xffn);
        return 0;
      },
    };
  }

  /** TOP is 0 after every MMX instruction, EMMS included. */
  #setStack(cpu: number, tags: number): number {
    this.#view.setUint16(cpu + CPU_FSW, this.#view.getUint16(cpu + CPU_FSW, true) & ~0x3800, true);
    this.#view.setUint16(cpu + CPU_FTW, tags, true);
    return 0;
  }

  #access(cpu: number, address: bigint, bytes: number): number {
    const offset = BigInt.asUintN(64, address) - ORACLE_DATA;
    if (offset >= 0n && offset + BigInt(bytes) <= BigInt(ORACLE_DATA_BYTES)) return RAM_BASE + Number(offset);
    const canonical = BigInt.asIntN(48, address) === BigInt.asIntN(64, address);
    this.#view.setUint32(cpu + CPU_VECTOR, canonical ? 14 : 13, true);
    this.#view.setUint32(cpu + CPU_ERROR_CODE, 0, true);
    return 0;
  }

  #load(state: CpuState): void {
    const { fxsave } = state;
    const saved = new DataView(fxsave.buffer, fxsave.byteOffset, fxsave.byteLength);
    this.#bytes.fill(0, CPU, CPU + CPU_CPUID_COUNT);
    this.#bytes.fill(0, RAM_BASE, RAM_BASE + ORACLE_DATA_BYTES);
    this.#bytes.set(state.window, WINDOW);
    state.gpr.forEach((value, n) => this.#view.setBigUint64(CPU + CPU_GPR + n * 8, value, true));
    this.#view.setUint32(CPU + CPU_TLB, CPU + CPU_TLB_BANKS, true);
    this.#view.setBigUint64(CPU + CPU_CR4, CR4_OSXMMEXCPT, true);
    this.#view.setUint32(CPU + CPU_MXCSR, saved.getUint32(24, true), true);
    this.#view.setUint16(CPU + CPU_FSW, saved.getUint16(2, true), true);
    this.#view.setUint16(CPU + CPU_FTW, saved.getUint8(4), true);
    const top = (saved.getUint16(2, true) >> 11) & 7;
    for (let i = 0; i < 8; i++)
      this.#bytes.set(fxsave.subarray(32 + i * 16, 48 + i * 16), CPU + CPU_FPR + ((top + i) & 7) * 16);
    this.#bytes.set(fxsave.subarray(160, 416), CPU + CPU_XMM);
    const bit = (n: number): number => Number((state.rflags >> BigInt(n)) & 1n);
    const aux = (bit(0) << 31) | ((bit(0) ^ bit(11)) << 30) | ((bit(2) ^ 1) << 8) | (bit(4) << 3) | bit(7);
    this.#view.setBigUint64(CPU + CPU_FLAG_RESULT, bit(6) ? 0n : 0x100n, true);
    this.#view.setInt32(CPU + CPU_FLAG_AUX, aux, true);
  }

  #save(before: CpuState): Omit<HandlerAnswer, "vector"> {
    const fxsave = before.fxsave.slice();
    const saved = new DataView(fxsave.buffer);
    saved.setUint32(24, this.#view.getUint32(CPU + CPU_MXCSR, true), true);
    saved.setUint16(2, this.#view.getUint16(CPU + CPU_FSW, true), true);
    saved.setUint8(4, this.#view.getUint16(CPU + CPU_FTW, true));
    const top = (saved.getUint16(2, true) >> 11) & 7;
    const copy = (from: number, bytes: number): Uint8Array => this.#bytes.slice(from, from + bytes);
    for (let i = 0; i < 8; i++) fxsave.set(copy(CPU + CPU_FPR + ((top + i) & 7) * 16, 10), 32 + i * 16);
    fxsave.set(copy(CPU + CPU_XMM, 256), 160);
    const gpr = BigUint64Array.from({ length: 16 }, (_, n) =>
      this.#view.getBigUint64(CPU + CPU_GPR + n * 8, true),
    );
    return { gpr, rflags: this.#flags(), fxsave, window: copy(WINDOW, ORACLE_WINDOW_BYTES) };
  }

  /** The six arithmetic flags, out of their lazy form (isa/flags.ts). */
  #flags(): bigint {
    const result = this.#view.getBigInt64(CPU + CPU_FLAG_RESULT, true);
    const aux = this.#view.getUint32(CPU + CPU_FLAG_AUX, true);
    const cf = aux >>> 31;
    let low = (Number(result & 0xffn) ^ (aux >>> 8)) & 0xff;
    low ^= low >> 4;
    low ^= low >> 2;
    const pf = ~(low ^ (low >> 1)) & 1;
    const of = cf ^ ((aux >>> 30) & 1);
    const sf = (result < 0n ? 1 : 0) ^ (aux & 1);
    return BigInt(
      cf | (pf << 2) | (((aux >>> 3) & 1) << 4) | ((result === 0n ? 1 : 0) << 6) | (sf << 7) | (of << 11),
    );
  }
}
