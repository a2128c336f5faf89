// What a person may say to the soak.

import { parseArgs } from "node:util";
import { HearthError } from "@hearth/machine";

export const REGION_MODES = ["off", "on", "forced"] as const;
export type RegionMode = (typeof REGION_MODES)[number];

export interface SoakOptions {
  readonly minutes: number;
  readonly regions: RegionMode;
  /** Side by side. */
  readonly machines: number;
  /** Of each machine. */
  readonly vcpus: number;
  readonly memoryMib: number;
  /** At a time in each machine. */
  readonly jobsAtOnce: number;
  /** A machine is replaced by a new one after this long. */
  readonly lifeMinutes: number;
  readonly seed: number;
  /** Names of jobs; undefined is all of them. */
  readonly jobs: readonly string[] | undefined;
  /** For one job in a guest; one that takes longer hangs. */
  readonly jobTimeoutS: number;
}

export const SOAK_USAGE = `npm run soak -- [options]
  --minutes N       how long (30)
  --regions MODE    off: interpreter alone, on: as usual, forced: everything compiled as soon as possible (on)
  --machines N      side by side (1)
  --vcpus N         of each machine (1)
  --memory MIB      of each machine (256)
  --at-once N       jobs at a time in each machine (3)
  --life MINUTES    after which a machine is replaced by a new one (10)
  --seed N          the first seed; a failure is repeated with the seed and job that it names (1)
  --jobs A,B        these jobs only, of bench/soak/ (all)
  --job-timeout S   for one job in a guest (900)
Environment: HEARTH_BENCH_LOADS where the Debian image is made (/tmp/hearth-loads).`;

/** The options in `args`, or undefined when help is asked for. Throws HearthError `bench.usage`. */
export function parseSoakOptions(args: readonly string[]): SoakOptions | undefined {
  const values = scan(args);
  if (values["help"] === true) return undefined;
  const jobs = values["jobs"];
  return {
    minutes: positive(values, "minutes", 30),
    regions: regionMode(values["regions"] ?? "on"),
    machines: positive(values, "machines", 1),
    vcpus: positive(values, "vcpus", 1),
    memoryMib: positive(values, "memory", 256),
    jobsAtOnce: positive(values, "at-once", 3),
    lifeMinutes: positive(values, "life", 10),
    seed: positive(values, "seed", 1),
    jobs: typeof jobs === "string" ? jobs.split(",") : undefined,
    jobTimeoutS: positive(values, "job-timeout", 900),
  };
}

type Values = Record<string, string | boolean | undefined>;

function scan(args: readonly string[]): Values {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        minutes: text,
        regions: text,
        machines: text,
        vcpus: text,
        memory: text,
        "at-once": text,
        life: text,
        seed: text,
        jobs: text,
        "job-timeout": text,
        help: { type: "boolean" },
      },
    });
    return values;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HearthError("bench.usage", `${reason}\n${SOAK_USAGE}`, { cause });
  }
}

function positive(values: Values, name: string, fallback: number): number {
  const number = Number(values[name] ?? fallback);
  if (number > 0 && (Number.isInteger(number) || name === "minutes" || name === "life")) return number;
  throw new HearthError("bench.usage", `--${name} takes a number above 0, not "${values[name]}"`);
}

function regionMode(text: string | boolean): RegionMode {
  const mode = REGION_MODES.find((name) => name === text);
  if (mode !== undefined) return mode;
  throw new HearthError("bench.usage", `--regions takes ${REGION_MODES.join(", ")}, not "${text}"`);
}
