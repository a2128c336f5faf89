// Whole random programs, interpreted and compiled, against the host's CPU.
//   HEARTH_SEED             seed of the first program
//   HEARTH_FUZZ_ITERATIONS  programs

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeState, programDifferences } from "../differential/compare.ts";
import { EngineRunner } from "../engine-runner.ts";
import { buildCpuOracle, type CpuAnswer, cpuOracleMissing } from "../oracle.ts";
import { randomProgram } from "./random-program.ts";
import { newPalette } from "./snippets.ts";

const SEED = Number(process.env["HEARTH_SEED"] ?? 1);
const PROGRAMS = Number(process.env["HEARTH_FUZZ_ITERATIONS"] ?? 600);
const BATCH = 500;
const skip = cpuOracleMissing() ?? false;

test("random programs do what the host's CPU does", { skip }, async (t) => {
  const palette = newPalette();
  const engine = await EngineRunner.create("mixed");
  const oracle = buildCpuOracle();
  const endings = new Map<number, number>();
  for (let first = 0; first < PROGRAMS; first += BATCH) {
    const seeds = Array.from({ length: Math.min(BATCH, PROGRAMS - first) }, (_, i) => SEED + first + i);
    const programs = seeds.map((seed) => randomProgram(seed, palette));
    const answers = oracle(programs.map(({ before }) => before));
    programs.forEach(({ before, entries, places }, i) => {
      const theirs = answers[i] as CpuAnswer;
      endings.set(theirs.vector, (endings.get(theirs.vector) ?? 0) + 1);
      const slices = i % 3 === 0 ? { maxSliceBlocks: 30 } : {};
      for (const regions of ["none", "repeated", "mixed"] as const) {
        const found = programDifferences(engine.run(before, { regions, entries, places, ...slices }), theirs);
        const title = `seed ${seeds[i]}, ${regions}, at ${before.codeAddress?.toString(16)}, regions at ${entries.map((e) => e.toString(16))}`;
        assert.deepEqual(found, [], describeState(title, before, found));
      }
    });
  }
  t.diagnostic(`endings by vector: ${JSON.stringify([...endings])}`);
});
