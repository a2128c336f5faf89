import assert from "node:assert/strict";
import { test } from "node:test";
import { addressingsOf, type Form, parseForm, sizesOf } from "../../src/isa/forms.ts";
import type { Size } from "../../src/isa/lowering.ts";
import { VECTOR } from "../../src/isa/vector.ts";
import { EngineRunner } from "../engine-runner.ts";
import {
  blankCase,
  buildCpuOracle,
  type CpuAnswer,
  type CpuCase,
  cpuOracleMissing,
  ORACLE_DATA,
  ORACLE_DATA_BYTES,
  ORACLE_WINDOW,
} from "../oracle.ts";
import { differences, USUAL_MXCSR } from "./differences.ts";
import { type EncodedForm, encodeForm } from "./form-encoder.ts";
import { fillVectors, Random } from "./random.ts";

const SEED = Number(process.env["HEARTH_SEED"] ?? 1);
const ROUNDS = Number(process.env["HEARTH_ROUNDS"] ?? 6);
/** A regular expression that mnemonics must match. */
const ONLY = new RegExp(process.env["HEARTH_ONLY"] ?? "");

interface Trial {
  readonly form: Form;
  readonly before: CpuCase;
}

/** Any rounding, flush-to-zero and denormals-are-zero; most exceptions masked. */
function randomControl(random: Random): number {
  const choice = random.below(8);
  if (choice < 4) return USUAL_MXCSR;
  if (choice === 4) return USUAL_MXCSR | random.pick([0x8040, 0x8000, 0x40]);
  const masks = random.below(2) ? 0x3f : 0x3f & ~(1 << random.below(6));
  return (random.below(4) << 13) | (random.below(2) << 15) | (random.below(2) << 6) | (masks << 7);
}

/** Mostly aligned inside the window, sometimes not, sometimes over the end of memory. */
function randomTarget(random: Random): bigint {
  const choice = random.below(8);
  if (choice < 5) return ORACLE_WINDOW + BigInt(random.below(14) * 16);
  if (choice < 7) return ORACLE_WINDOW + BigInt(random.below(224));
  return ORACLE_DATA + BigInt(ORACLE_DATA_BYTES - random.below(20));
}

function randomCase(random: Random, { code, memory }: EncodedForm): CpuCase {
  const before = blankCase(code);
  for (let n = 0; n < 16; n++)
    before.gpr[n] = random.pick([random.u64(), BigInt(random.below(20)), 0xffff_ffff_ffff_fff0n]);
  fillVectors(random, before.window);
  fillVectors(random, before.fxsave.subarray(32, 416));
  for (let at = 42; at < 160; at += 16) before.fxsave.fill(0, at, at + 6);
  const image = new DataView(before.fxsave.buffer);
  image.setUint16(2, random.below(8) << 11, true);
  image.setUint8(4, random.below(256));
  image.setUint32(24, randomControl(random), true);
  before.rflags = 0x202n | (random.u64() & 0x8d5n);
  const target = randomTarget(random);
  // Without an operand in memory it is rDI's turn, for MASKMOVDQU.
  if (memory === undefined) before.gpr[7] = target;
  else {
    const index =
      memory.index === undefined ? 0n : (before.gpr[memory.index] as bigint) * BigInt(memory.scale);
    before.gpr[memory.base] = BigInt.asUintN(64, target - index - BigInt(memory.displacement));
  }
  return before;
}

function trialsOf(random: Random, form: Form): Trial[] {
  const addressings = addressingsOf(form);
  const places = [addressings.includes("register"), addressings.includes("general")];
  const trials: Trial[] = [];
  const add = (size: Size, inMemory: boolean): void => {
    for (let round = 0; round < ROUNDS; round++)
      trials.push({ form, before: randomCase(random, encodeForm(random, form, size, inMemory)) });
  };
  for (const size of sizesOf(form)) places.forEach((exists, inMemory) => exists && add(size, inMemory === 1));
  return trials;
}

test("vector instructions do what the host's CPU does", { skip: cpuOracleMissing() ?? false }, async () => {
  const engine = await EngineRunner.create();
  const oracle = buildCpuOracle();
  const random = new Random(SEED);
  const chosen = VECTOR.filter(({ mnemonic }) => ONLY.test(mnemonic));
  const forms = chosen.flatMap((i) => i.forms.map((text) => parseForm(i.mnemonic, text)));
  const failures = new Map<string, { count: number; first: string }>();
  let cases = 0;
  // A few forms at a time: the records of all of them are many megabytes.
  for (let at = 0; at < forms.length; at += 32) {
    const trials = forms.slice(at, at + 32).flatMap((form) => trialsOf(random, form));
    const answers = oracle(trials.map((t) => t.before));
    cases += trials.length;
    trials.forEach(({ form, before }, i) => {
      const differing = differences(form.mnemonic, before, engine.run(before), answers[i] as CpuAnswer);
      if (differing.length === 0) return;
      const known = failures.get(form.mnemonic + form.text);
      const code = Buffer.from(before.code).toString("hex");
      if (known) known.count++;
      else
        failures.set(form.mnemonic + form.text, {
          count: 1,
          first: [`${form.mnemonic} ${form.text} (${code})`, ...differing].join("\n  "),
        });
    });
  }
  const report = [...failures.values()].map((f) => `${f.count} × ${f.first}`).join("\n");
  assert.ok(cases > 0);
  assert.ok(report === "", `seed ${SEED}, ${cases} cases:\n${report}`);
});
