import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlacedForm } from "../../src/decode/handlers.ts";
import { buildInterpreter } from "../../src/interpreter/module.ts";
import { PSEUDO } from "../../src/isa/pseudo.ts";
import { VECTOR } from "../../src/isa/vector.ts";
import {
  blankCase,
  buildCpuOracle,
  type CpuAnswer,
  type CpuCase,
  cpuOracleMissing,
  ORACLE_WINDOW,
} from "../oracle.ts";
import { type EncodedForm, encodeForm } from "./form-encoder.ts";
import { type HandlerAnswer, HandlerRunner, MEMORY_MAX_PAGES } from "./handler-runner.ts";
import { fillVectors, Random } from "./random.ts";

const SEED = Number(process.env["HEARTH_SEED"] ?? 1);
const ROUNDS = Number(process.env["HEARTH_ROUNDS"] ?? 12);
const ONLY = process.env["HEARTH_ONLY"];
const USUAL_MXCSR = 0x1f80;
/** Instructions whose results the manual leaves to the implementation, within a relative error. */
const ESTIMATES = /^r(cp|sqrt)[ps]s$/;

interface Trial {
  readonly encoded: EncodedForm;
  readonly before: CpuCase;
  readonly form: PlacedForm["form"];
}

function randomCase(random: Random, encoded: EncodedForm): CpuCase {
  const before = blankCase(encoded.code);
  for (let n = 0; n < 16; n++)
    before.gpr[n] = random.pick([random.u64(), BigInt(random.below(20)), 0xffff_ffff_ffff_fff0n]);
  fillVectors(random, before.window);
  fillVectors(random, before.fxsave.subarray(160, 416));
  const view = new DataView(before.fxsave.buffer);
  fillVectors(random, before.fxsave.subarray(32, 160));
  for (let at = 42; at < 160; at += 16) before.fxsave.fill(0, at, at + 6);
  view.setUint16(2, random.below(8) << 11, true);
  view.setUint8(4, random.below(256));
  view.setUint32(24, random.below(2) ? USUAL_MXCSR : randomControl(random), true);
  before.rflags = 0x202n | (random.u64() & 0x8d5n);
  const aligned = random.below(4) !== 0;
  const target = ORACLE_WINDOW + BigInt(random.below(aligned ? 14 : 224) * (aligned ? 16 : 1));
  if (encoded.baseRegister !== undefined)
    before.gpr[encoded.baseRegister] = BigInt.asUintN(64, target - BigInt(encoded.displacement));
  else before.gpr[7] = target;
  return before;
}

/** Any rounding, flush-to-zero and denormals-are-zero; most exceptions masked. */
function randomControl(random: Random): number {
  if (random.below(4) === 0) return USUAL_MXCSR | random.pick([0x8040, 0x8000, 0x40]);
  const masks = random.below(2) ? 0x3f : 0x3f & ~(1 << random.below(6));
  return (random.below(4) << 13) | (random.below(2) << 15) | (random.below(2) << 6) | (masks << 7);
}

function trialsOf(random: Random, placed: PlacedForm): Trial[] {
  const trials: Trial[] = [];
  for (let size = 0; size < placed.sizes.length; size++)
    for (const addressing of placed.addressings.filter(
      (a) => a === "register" || a === "base" || placed.addressings.length === 1,
    ))
      for (let round = 0; round < ROUNDS; round++) {
        const encoded = encodeForm(random, placed, size, addressing);
        trials.push({ encoded, before: randomCase(random, encoded), form: placed.form });
      }
  return trials;
}

/** Do single-precision lanes differ by no more than the manual allows? A tiny result may be flushed. */
function closeEnough(ours: Uint8Array, theirs: Uint8Array): boolean {
  const a = new Float32Array(ours.slice().buffer);
  const b = new Float32Array(theirs.slice().buffer);
  return a.every((x, i) => {
    const y = b[i] as number;
    const tiny = Math.max(Math.abs(x), Math.abs(y)) <= 2 ** -126;
    return Object.is(x, y) || tiny || Math.abs(x - y) <= Math.abs(y) * 1.5 * 2 ** -12;
  });
}

/** What differs between the handler's state and the CPU's; empty when nothing does. */
function differences(trial: Trial, ours: HandlerAnswer, theirs: CpuAnswer): string[] {
  const found: string[] = [];
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  if (ours.vector !== theirs.vector) return [`vector ${ours.vector}, CPU ${theirs.vector}`];
  for (let n = 0; n < 16; n++)
    if (ours.gpr[n] !== theirs.gpr[n])
      found.push(`gpr ${n}: ${ours.gpr[n]?.toString(16)}, CPU ${theirs.gpr[n]?.toString(16)}`);
  if (ours.rflags !== (theirs.rflags & 0x8d5n))
    found.push(`flags ${ours.rflags.toString(16)}, CPU ${(theirs.rflags & 0x8d5n).toString(16)}`);
  if (hex(ours.window) !== hex(theirs.window)) found.push("memory");
  const part = (at: number, bytes: number, name: string): void => {
    const [a, b] = [ours.fxsave.subarray(at, at + bytes), theirs.fxsave.subarray(at, at + bytes)];
    if (ESTIMATES.test(trial.form.mnemonic) && name.startsWith("xmm") && closeEnough(a, b)) return;
    if (hex(a) !== hex(b)) found.push(`${name}: ${hex(a)}, CPU ${hex(b)}`);
  };
  for (let n = 0; n < 16; n++) part(160 + n * 16, 16, `xmm${n}`);
  for (let n = 0; n < 8; n++) part(32 + n * 16, 10, `st${n}`);
  part(2, 3, "x87 status and tags");
  const control = new DataView(trial.before.fxsave.buffer).getUint32(24, true);
  // Denormal operand, underflow and inexact are not kept where the host's own arithmetic was used.
  const sticky = (control & 0x7f80) === USUAL_MXCSR ? 0x32 : 0;
  const [a, b] = [ours, theirs].map(
    (s) => new DataView(s.fxsave.buffer, s.fxsave.byteOffset).getUint32(24, true) & ~sticky,
  );
  if (a !== b) found.push(`mxcsr ${a?.toString(16)}, CPU ${b?.toString(16)}`);
  return found;
}

function describe(trial: Trial, differing: readonly string[]): string {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const { fxsave } = trial.before;
  const mxcsr = new DataView(fxsave.buffer).getUint32(24, true).toString(16);
  const registers = Array.from(
    { length: 16 },
    (_, n) => `xmm${n} ${hex(fxsave.subarray(160 + n * 16, 176 + n * 16))}`,
  );
  return [
    trial.encoded.description,
    ...differing,
    `mxcsr ${mxcsr}`,
    ...(process.env["HEARTH_VERBOSE"] ? registers : []),
  ].join("\n  ");
}

test("every vector form lowers to a valid module", () => {
  const module = buildInterpreter(MEMORY_MAX_PAGES, [...PSEUDO, ...VECTOR]);
  assert.ok(WebAssembly.validate(module.bytes));
});

test("vector instructions do what the host's CPU does", { skip: cpuOracleMissing() ?? false }, () => {
  const module = buildInterpreter(MEMORY_MAX_PAGES, [...PSEUDO, ...VECTOR]);
  const runner = new HandlerRunner(module);
  const oracle = buildCpuOracle();
  const random = new Random(SEED);
  const forms = module.handlers.forms.filter(
    ({ form }) => !form.options.has("pseudo") && (!ONLY || new RegExp(ONLY).test(form.mnemonic)),
  );
  const failures = new Map<string, { count: number; first: string }>();
  let cases = 0;
  // A few forms at a time: the records of all of them are many megabytes.
  for (let at = 0; at < forms.length; at += 32) {
    const trials = forms.slice(at, at + 32).flatMap((placed) => trialsOf(random, placed));
    const answers = oracle(trials.map((t) => t.before));
    cases += trials.length;
    trials.forEach((trial, i) => {
      const differing = differences(
        trial,
        runner.run(trial.before, trial.encoded.uop),
        answers[i] as CpuAnswer,
      );
      if (differing.length === 0) return;
      const key = `${trial.form.mnemonic} ${trial.form.text}`;
      const known = failures.get(key);
      if (known) known.count++;
      else failures.set(key, { count: 1, first: describe(trial, differing) });
    });
  }
  const report = [...failures.values()].map((f) => `${f.count} × ${f.first}`).join("\n");
  assert.ok(report === "", `seed ${SEED}, ${cases} cases:\n${report}`);
});
