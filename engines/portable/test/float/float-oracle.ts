/*
 * The host's CPU as the oracle: compiles float-oracle.c and asks it about batches of operands. Only on an
 * x86-64 host with a C compiler; elsewhere the tests say why they are skipped.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { buildOnce } from "./build-once.ts";

const RECORD = 40;

/** One question: an operation number of float-oracle.c, a control word, two operands of 16 bytes. */
export type FloatCase = {
  readonly operation: number;
  readonly control: number;
  readonly a: Uint8Array;
  readonly b: Uint8Array;
};

/** One answer: status word, tag word or flags register, and two results. */
export type FloatAnswer = {
  readonly status: number;
  readonly flags: number;
  readonly r0: Uint8Array;
  readonly r1: Uint8Array;
};

/** Asks the oracle about all cases, in order. */
export type FloatOracle = (cases: readonly FloatCase[]) => FloatAnswer[];

/** Why there is no oracle here, or undefined when there is one. */
export function oracleMissing(): string | undefined {
  if (process.arch !== "x64") return "the oracle is an x86-64 host";
  const compiler = spawnSync("gcc", ["--version"], { stdio: "ignore" });
  return compiler.status === 0 ? undefined : "no gcc to build the oracle with";
}

function encode(cases: readonly FloatCase[]): Uint8Array {
  const bytes = new Uint8Array(cases.length * RECORD);
  const view = new DataView(bytes.buffer);
  for (const [index, one] of cases.entries()) {
    const at = index * RECORD;
    view.setUint32(at, one.operation, true);
    view.setUint32(at + 4, one.control, true);
    bytes.set(one.a, at + 8);
    bytes.set(one.b, at + 24);
  }
  return bytes;
}

function decode(bytes: Uint8Array): FloatAnswer[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const answers: FloatAnswer[] = [];
  for (let at = 0; at < bytes.length; at += RECORD) {
    answers.push({
      status: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      r0: bytes.subarray(at + 8, at + 24),
      r1: bytes.subarray(at + 24, at + 40),
    });
  }
  return answers;
}

/** Builds the oracle, unless it is there already. */
export function buildOracle(): FloatOracle {
  const source = fileURLToPath(new URL("../native/float-oracle.c", import.meta.url));
  const program = buildOnce("float-oracle", [source], (output) => {
    execFileSync("gcc", ["-O1", "-mno-red-zone", source, "-o", output], { stdio: "pipe" });
  });
  return (cases) => {
    const input = encode(cases);
    const run = spawnSync(program, { input, maxBuffer: input.length + 1024 });
    if (run.status !== 0) throw new Error(`the oracle stopped with ${run.status ?? run.signal}`);
    return decode(run.stdout);
  };
}
