// Runs a fuzz body many times, each with its own seed, so that a failure can be repeated alone.
//   HEARTH_FUZZ_ITERATIONS=100000   longer, from a random first seed
//   HEARTH_FUZZ_SEED=123            exactly this case

import { Prng } from "./prng.ts";

/** Where the run says what it does: a node:test context has it. */
export interface FuzzLog {
  diagnostic(message: string): void;
}

/** A fuzz case failed; the message has the seed that repeats it. */
export class FuzzFailure extends Error {
  readonly seed: number;

  constructor(seed: number, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`seed ${seed} (repeat with HEARTH_FUZZ_SEED=${seed}): ${reason}`, { cause });
    this.name = "FuzzFailure";
    this.seed = seed;
  }
}

/** Calls `body` for `iterations` seeds (or as the environment says). Throws FuzzFailure at the first that fails. */
export function runFuzz(log: FuzzLog, iterations: number, body: (prng: Prng) => void): void {
  const { count, firstSeed } = planRun(iterations);
  log.diagnostic(`fuzz: ${count} cases from seed ${firstSeed}`);
  for (let i = 0; i < count; i++) {
    const seed = (firstSeed + i) >>> 0;
    try {
      body(new Prng(seed));
    } catch (cause) {
      throw new FuzzFailure(seed, cause);
    }
  }
}

/** Without a wish from the environment the seeds are always the same: a test must not fail by chance. */
function planRun(iterations: number): { count: number; firstSeed: number } {
  const { HEARTH_FUZZ_SEED: seed, HEARTH_FUZZ_ITERATIONS: wanted } = process.env;
  if (seed !== undefined) return { count: 1, firstSeed: Number(seed) >>> 0 };
  if (wanted !== undefined) return { count: Number(wanted), firstSeed: Math.floor(Math.random() * 2 ** 32) };
  return { count: iterations, firstSeed: 1 };
}
