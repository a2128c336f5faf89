// Every instruction form of the tables that a program may use, on the whole engine and on the host's CPU.
//   HEARTH_SEED             seed of the first case
//   HEARTH_FUZZ_ITERATIONS  number of cases instead of what the tests run
//   HEARTH_ONLY             only forms whose mnemonic matches
//   HEARTH_VERBOSE          whole states of differing cases

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { EngineRunner } from "../engine-runner.ts";
import { buildCpuOracle, type CpuAnswer, type CpuOracle, cpuOracleMissing } from "../oracle.ts";
import { Random } from "../vector/random.ts";
import { describe, differences } from "./compare.ts";
import { allVariants, randomCase } from "./random-case.ts";

const SEED = Number(process.env["HEARTH_SEED"] ?? 1);
const ONLY = new RegExp(process.env["HEARTH_ONLY"] ?? "");
const CASES = Number(process.env["HEARTH_FUZZ_ITERATIONS"] ?? 16_000);
const BATCH = 4096;

const skip = cpuOracleMissing() ?? false;
let engine: EngineRunner;
let oracle: CpuOracle;

before(async () => {
  if (skip) return;
  engine = await EngineRunner.create();
  oracle = buildCpuOracle();
});

test("instructions do what the host's CPU does", { skip }, () => {
  const random = new Random(SEED);
  const variants = allVariants().filter(({ form }) => ONLY.test(form.mnemonic));
  const failures = new Map<string, { count: number; first: string }>();
  for (let done = 0; done < CASES; done += BATCH) {
    const count = Math.min(BATCH, CASES - done);
    const cases = Array.from({ length: count }, (_, i) => {
      const variant = variants[(done + i) % variants.length];
      assert.ok(variant);
      return randomCase(random, variant);
    });
    const answers = oracle(cases.map((one) => one.before));
    cases.forEach((one, i) => {
      const found = differences(one, engine.run(one.before), answers[i] as CpuAnswer);
      if (found.length === 0) return;
      const known = failures.get(one.variant.name);
      if (known) known.count++;
      else failures.set(one.variant.name, { count: 1, first: describe(one, found) });
    });
  }
  const report = [...failures.values()].map((f) => `${f.count} × ${f.first}`).join("\n");
  assert.ok(report === "", `seed ${SEED}, ${CASES} cases of ${variants.length} variants:\n${report}`);
});
