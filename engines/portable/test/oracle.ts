// The host's CPU as the oracle for user-mode instructions: builds native/cpu-oracle.c, hands it states and code, and gives
// back the states after. Only on x86-64 Linux with a C compiler; elsewhere tests say why they are skipped.

import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { buildOnce } from "./float/build-once.ts";

/** Two pages, full of int3 but for the code. */
export const ORACLE_CODE_PAGES = 0x2555_5000n;
/** Where the code runs unless its case says otherwise. */
export const ORACLE_CODE = 0x2555_5800n;
/** The only memory there is: two pages, of which the window around their border is in the record. */
export const ORACLE_DATA = 0x1000_0000n;
export const ORACLE_DATA_BYTES = 0x2000;
export const ORACLE_WINDOW = 0x1000_0f80n;
export const ORACLE_WINDOW_BYTES = 256;
export const ORACLE_CODE_BYTES = 1112;

/** State before or after: general registers by number, x87 and SSE as FXSAVE64 lays them out, memory. */
export interface CpuState {
  readonly gpr: BigUint64Array;
  rip: bigint;
  rflags: bigint;
  readonly fxsave: Uint8Array;
  readonly window: Uint8Array;
}

export interface CpuCase extends CpuState {
  /** Instructions, at most ORACLE_CODE_BYTES; int3 follows them. */
  readonly code: Uint8Array;
  /** Where they run, in the pages of the code; ORACLE_CODE if not given. */
  readonly codeAddress?: bigint;
  /** 32: a code segment of compatibility mode. Otherwise 64-bit mode. */
  readonly bits?: 32 | 64;
  /** Segment bases; zero if not given. Both selectors are null. */
  fsBase?: bigint;
  gsBase?: bigint;
}

export interface CpuAnswer extends CpuState {
  /** Exception vector: 3 when the code ran to its end, and RIP then is behind the int3. */
  readonly vector: number;
  readonly errorCode: number;
  /** Page faults: the linear address. */
  readonly cr2: bigint;
  /** Selector of the code segment that ran. */
  readonly cs: number;
  /** Signal the vector came as; SIGVTALRM (26) means the code did not end. */
  readonly signal: number;
}

const RECORD = 2048;
const AT = {
  rip: 128,
  rflags: 136,
  cr2: 144,
  vector: 152,
  error: 156,
  signal: 160,
  codeLength: 164,
} as const;
const AT_CODE = 168;
const AT_FXSAVE = 1280;
const AT_WINDOW = 1792;
const FXSAVE_BYTES = 512;

/** A state with everything zero but the control words, which have their values after a reset of the FPU. */
export function blankCase(code: Uint8Array): CpuCase {
  const fxsave = new Uint8Array(FXSAVE_BYTES);
  new DataView(fxsave.buffer).setUint16(0, 0x037f, true);
  new DataView(fxsave.buffer).setUint32(24, 0x1f80, true);
  const window = new Uint8Array(ORACLE_WINDOW_BYTES);
  return { gpr: new BigUint64Array(16), rip: ORACLE_CODE, rflags: 0x202n, fxsave, window, code };
}

function encode(cases: readonly CpuCase[]): Uint8Array {
  const bytes = new Uint8Array(cases.length * RECORD);
  const view = new DataView(bytes.buffer);
  cases.forEach((one, index) => {
    const at = index * RECORD;
    if (one.code.length > ORACLE_CODE_BYTES) throw new Error(`${one.code.length} bytes of code are too many`);
    one.gpr.forEach((value, number) => view.setBigUint64(at + number * 8, value, true));
    view.setBigUint64(at + AT.rflags, one.rflags, true);
    view.setBigUint64(at + AT.rip, one.fsBase ?? 0n, true);
    view.setBigUint64(at + AT.cr2, one.gsBase ?? 0n, true);
    view.setUint32(at + AT.vector, one.bits ?? 64, true);
    view.setUint32(at + AT.error, Number((one.codeAddress ?? ORACLE_CODE) - ORACLE_CODE_PAGES), true);
    view.setUint32(at + AT.codeLength, one.code.length, true);
    bytes.set(one.code, at + AT_CODE);
    bytes.set(one.fxsave, at + AT_FXSAVE);
    bytes.set(one.window, at + AT_WINDOW);
  });
  return bytes;
}

function decode(output: Uint8Array): CpuAnswer[] {
  // A Buffer's slice would be a view.
  const bytes = new Uint8Array(output.buffer, output.byteOffset, output.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const answers: CpuAnswer[] = [];
  for (let at = 0; at < bytes.length; at += RECORD) {
    const start = at;
    answers.push({
      gpr: BigUint64Array.from({ length: 16 }, (_, number) => view.getBigUint64(start + number * 8, true)),
      rip: view.getBigUint64(at + AT.rip, true),
      rflags: view.getBigUint64(at + AT.rflags, true),
      cr2: view.getBigUint64(at + AT.cr2, true),
      vector: view.getUint32(at + AT.vector, true),
      errorCode: view.getUint32(at + AT.error, true),
      signal: view.getUint32(at + AT.signal, true),
      cs: view.getUint32(at + AT.codeLength, true),
      fxsave: bytes.slice(at + AT_FXSAVE, at + AT_FXSAVE + FXSAVE_BYTES),
      window: bytes.slice(at + AT_WINDOW, at + AT_WINDOW + ORACLE_WINDOW_BYTES),
    });
  }
  return answers;
}

/** Why there is no oracle on this host, or undefined when there is one. */
export function cpuOracleMissing(): string | undefined {
  if (process.arch !== "x64" || process.platform !== "linux") return "the oracle is an x86-64 Linux host";
  const compiler = spawnSync("gcc", ["--version"], { stdio: "ignore" });
  return compiler.status === 0 ? undefined : "no gcc to build the oracle with";
}

/** Asks the host's CPU about all cases, in order. Cases must not contain system calls. */
export type CpuOracle = (cases: readonly CpuCase[]) => CpuAnswer[];

/** Builds the oracle, once for each state of its source. */
export function buildCpuOracle(): CpuOracle {
  const source = fileURLToPath(new URL("./native/cpu-oracle.c", import.meta.url));
  const flags = ["-O1", "-fno-stack-protector", "-mno-avx", "-Wall", "-Wextra"];
  const program = buildOnce("cpu-oracle", [source], (output) =>
    execFileSync("gcc", [...flags, source, "-o", output], { stdio: "pipe" }),
  );
  return (cases) => {
    const input = encode(cases);
    const run = spawnSync(program, { input, maxBuffer: input.length + RECORD });
    if (run.status !== 0)
      throw new Error(`the oracle stopped with ${run.status ?? run.signal}: ${run.stderr}`);
    if (run.stdout.length !== input.length) throw new Error("the oracle answered only in part");
    return decode(run.stdout);
  };
}
