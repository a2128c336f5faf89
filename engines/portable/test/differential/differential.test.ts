// Every instruction form of the tables that a program may use, on the whole engine and on the host's CPU.
//   HEARTH_SEED             seed of the first case
//   HEARTH_FUZZ_ITERATIONS  cases of each form in each size, mode and kind of operand (256: a million altogether)
//   HEARTH_ONLY             only forms whose mnemonic matches
//   HEARTH_VERBOSE          whole states of differing cases
//   HEARTH_REGIONS          1, mixed: all cases that way; else of four rounds two interpreted, one compiled, one mixed

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { layOutHandlers } from "../../src/decode/handlers.ts";
import { EngineRunner, type RegionUse, wantedRegions } from "../engine-runner.ts";
import { buildCpuOracle, type CpuAnswer, type CpuCase, type CpuOracle, cpuOracleMissing } from "../oracle.ts";
import { Random } from "../vector/random.ts";
import { describe, describeState, differences, stateDifferences } from "./compare.ts";
import { EXCLUDED } from "./exclusions.ts";
import { allVariants, randomCase, type Variant } from "./random-case.ts";
import { randomSequence, sequenceVariants } from "./sequence.ts";

const SEED = Number(process.env["HEARTH_SEED"] ?? 1);
const ONLY = new RegExp(process.env["HEARTH_ONLY"] ?? "");
const ROUNDS = Number(process.env["HEARTH_FUZZ_ITERATIONS"] ?? 4);
/** Sequences of instructions a round. */
const SEQUENCES = 1000;
const BATCH = 4096;

const skip = cpuOracleMissing() ?? false;
const WANTED = wantedRegions();
const USES: readonly RegionUse[] =
  WANTED === "none" && process.env["HEARTH_REGIONS"] === undefined
    ? ["none", "forced", "none", "mixed"]
    : [WANTED];
let engine: EngineRunner;
let oracle: CpuOracle;

before(async () => {
  if (skip) return;
  engine = await EngineRunner.create("mixed");
  oracle = buildCpuOracle();
});

/** Collects what differs and fails with the first case of each kind. */
class Report {
  readonly #failures = new Map<string, { count: number; first: string }>();

  add(kind: string, describeCase: () => string): void {
    const known = this.#failures.get(kind);
    if (known) known.count++;
    else this.#failures.set(kind, { count: 1, first: describeCase() });
  }

  finish(title: string): void {
    const text = [...this.#failures.values()].map((f) => `${f.count} × ${f.first}`).join("\n");
    assert.ok(text === "", `seed ${SEED}, ${title}:\n${text}`);
  }
}

/** Runs `count` cases from `next` on both, a batch at a time: the records of all of them are many megabytes. */
function compareAll<T extends { readonly before: CpuCase }>(
  count: number,
  roundLength: number,
  next: (index: number) => T,
  compare: (one: T, ours: CpuAnswer, theirs: CpuAnswer) => void,
): void {
  for (let done = 0; done < count; done += BATCH) {
    const cases = Array.from({ length: Math.min(BATCH, count - done) }, (_, i) => next(done + i));
    const answers = oracle(cases.map((one) => one.before));
    cases.forEach((one, i) => {
      const regions = USES[Math.floor((done + i) / roundLength) % USES.length] as RegionUse;
      compare(one, engine.run(one.before, { regions }), answers[i] as CpuAnswer);
    });
  }
}

test("instructions do what the host's CPU does", { skip }, () => {
  const random = new Random(SEED);
  const variants = allVariants().filter(({ form }) => ONLY.test(form.mnemonic));
  const count = ROUNDS * variants.length;
  const report = new Report();
  compareAll(
    count,
    variants.length,
    (index) => randomCase(random, variants[index % variants.length] as Variant),
    (one, ours, theirs) => {
      const found = differences(one, ours, theirs);
      if (found.length > 0) report.add(one.variant.name, () => describe(one, found));
    },
  );
  report.finish(`${count} cases of ${variants.length} variants`);
});

test("so do sequences of instructions", { skip: skip || ONLY.source !== "(?:)" }, () => {
  const random = new Random(SEED);
  const variants = { 32: sequenceVariants(32), 64: sequenceVariants(64) };
  const count = ROUNDS * SEQUENCES;
  const report = new Report();
  compareAll(
    count,
    SEQUENCES,
    () => {
      const bits = random.below(4) === 0 ? 32 : 64;
      return randomSequence(random, bits, variants[bits]);
    },
    ({ before, names }, ours, theirs) => {
      const found = stateDifferences(ours, theirs);
      if (found.length > 0) report.add(names.join(" "), () => describeState(names.join(" "), before, found));
    },
  );
  report.finish(`${count} sequences`);
});

test("every form is compared or left out for a reason", () => {
  const compared = new Set(allVariants().map(({ form }) => form.text));
  const forms = layOutHandlers().forms.map(({ form }) => form);
  const lost = forms.filter((form) => {
    const reason = form.options.has("pseudo") || EXCLUDED[form.mnemonic] !== undefined;
    return !reason && !compared.has(form.text);
  });
  assert.deepEqual(
    lost.map(({ mnemonic, text }) => `${mnemonic} ${text}`),
    [],
  );
  const mnemonics = new Set(forms.map(({ mnemonic }) => mnemonic));
  assert.deepEqual(
    Object.keys(EXCLUDED).filter((mnemonic) => !mnemonics.has(mnemonic)),
    [],
  );
});
