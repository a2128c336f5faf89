// The soak's jobs: shell scripts of bench/soak/, each of which prints something that only its seed decides. They run in a
// folder of their own, in the guest and, for the right answer, natively in the same Debian root.

import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { HearthError } from "@hearth/machine";

const FOLDER = fileURLToPath(new URL("../../soak/", import.meta.url));
/** Where the jobs lie in both roots. */
export const JOBS_FOLDER = "/soak";

export interface Job {
  readonly name: string;
  /** Decides what it prints. */
  readonly seed: number;
}

/** Every file of bench/soak/ by name: jobs, and the programs they compile. */
export function jobFiles(): ReadonlyMap<string, Uint8Array> {
  return new Map(readdirSync(FOLDER).map((name) => [name, readFileSync(join(FOLDER, name))]));
}

/** The jobs that `wanted` names, or all. Throws HearthError `bench.usage`. */
export function chooseJobs(wanted: readonly string[] | undefined): readonly string[] {
  const all = readdirSync(FOLDER).filter((name) => extname(name) === "");
  const unknown = wanted?.find((name) => !all.includes(name));
  if (unknown !== undefined)
    throw new HearthError("bench.usage", `no job "${unknown}"; there are ${all.join(", ")}`);
  return wanted ?? all;
}

/** The endless sequence of jobs of one seed: every name comes once before one comes again. */
export function* jobSequence(names: readonly string[], firstSeed: number): Generator<Job, never, void> {
  for (let seed = firstSeed; ; seed++) {
    for (const name of shuffled(names, seed)) yield { name, seed };
  }
}

/** What runs a job, in whichever root. */
export function jobCommand({ name, seed }: Job): string[] {
  const script = `d=$(mktemp -d) && cd "$d" && sh ${JOBS_FOLDER}/${name} ${seed} 2>&1; code=$?; cd / && rm -rf "$d"; exit $code`;
  return ["sh", "-c", script];
}

/** The same environment everywhere. */
export const JOB_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  LC_ALL: "C",
  TZ: "UTC",
};

function shuffled(names: readonly string[], seed: number): string[] {
  const order = [...names];
  let state = seed;
  for (let last = order.length - 1; last > 0; last--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const other = (state >>> 8) % (last + 1);
    [order[last], order[other]] = [order[other] ?? "", order[last] ?? ""];
  }
  return order;
}
