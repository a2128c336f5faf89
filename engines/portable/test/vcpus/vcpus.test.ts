// Several vCPUs in turns: start-up, interrupts between them, LOCK, and code they share, interpreted and compiled, in turns of the
// machine's choice and of random length.
//   HEARTH_SEED, HEARTH_PARALLEL_ROUNDS

import { describe, test } from "node:test";
import type { Engine } from "@hearth/machine";
import { loadArtifacts } from "../../src/build/load-artifacts.ts";
import { PortableEngine } from "../../src/index.ts";
import { compileEngine } from "../../src/runtime/artifacts.ts";
import { createEagerEngine } from "../eager-engine.ts";
import { ParallelGuest } from "./parallel-guest.ts";
import { PROGRAMS } from "./programs.ts";

const SEED = Number(process.env["HEARTH_SEED"] ?? 1);
const ROUNDS = Number(process.env["HEARTH_PARALLEL_ROUNDS"] ?? 200);

const compiled = await compileEngine(await loadArtifacts());
const engines: [name: string, engine: Engine, seed: number | undefined, rounds: number][] = [
  ["turns of the machine's choice", new PortableEngine(compiled), undefined, 20 * ROUNDS],
  ["random turns, interpreted", new PortableEngine(compiled, { regions: false }), SEED, ROUNDS],
  ["random turns, compiled", await createEagerEngine(), SEED + 1, ROUNDS],
];

for (const [how, engine, seed, rounds] of engines) {
  describe(how, () => {
    for (const { name, source, check } of PROGRAMS) {
      for (const vcpus of [2, 4]) {
        test(`${name}, ${vcpus} vCPUs`, () => {
          const guest = new ParallelGuest(engine, source, {
            vcpus,
            symbols: { rounds },
            ...(seed === undefined ? {} : { seed }),
          });
          guest.run();
          check(guest, vcpus, rounds);
        });
      }
    }
  });
}
