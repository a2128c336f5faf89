// What a person may say to the engine benchmark, and what holds when nothing is said.

import { parseArgs } from "node:util";
import { HearthError } from "@hearth/machine";

export interface BenchOptions {
  /** Samples of each peer; medians are reported. */
  readonly runs: number;
  /** Size of every program in per cent. */
  readonly scale: number;
  /** Programs to run; undefined is the workload's own list. */
  readonly programs: readonly string[] | undefined;
  /** Peers to run, by name; undefined is all of them. */
  readonly peers: readonly string[] | undefined;
  readonly memoryMib: number;
  /** For one boot of one peer. */
  readonly timeoutS: number;
  /** Another kernel than the workload's; undefined is the workload's. */
  readonly kernel: string | undefined;
  /** False prints only and keeps no file. */
  readonly isKept: boolean;
}

export const USAGE = `npm run bench:engine -- [options]
  --runs N        samples of each peer (3)
  --scale PCT     size of the programs in per cent (100)
  --list A,B      these programs only; --list '' measures power-on alone
  --peers A,B     of native, tcg-max, tcg-qemu64, hearth (all)
  --memory MIB    the guest's memory (128)
  --timeout S     for one boot of one peer (1800)
  --kernel FILE   another kernel than the workload's
  --no-save       print, but keep nothing in bench/results/
Environment: HEARTH_ENGINE_BENCH the workload's folder (../shared/bench/engine beside the checkout),
ENGINE_BENCH_TMP where its images are built (/tmp/engine-bench), TSC_MHZ the host's TSC frequency.`;

/** The options in `args`, or undefined when help is asked for. Throws HearthError `bench.usage`. */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const values = scan(args);
  if (values["help"] === true) return undefined;
  return {
    runs: positive(values, "runs", 3),
    scale: positive(values, "scale", 100),
    programs: names(values["list"]),
    peers: names(values["peers"]),
    memoryMib: positive(values, "memory", 128),
    timeoutS: positive(values, "timeout", 1800),
    kernel: typeof values["kernel"] === "string" ? values["kernel"] : undefined,
    isKept: values["no-save"] !== true,
  };
}

type Values = Record<string, string | boolean | undefined>;

function scan(args: readonly string[]): Values {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        runs: text,
        scale: text,
        list: text,
        peers: text,
        memory: text,
        timeout: text,
        kernel: text,
        "no-save": flag,
        help: flag,
      },
    });
    return values;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HearthError("bench.usage", `${reason}\n${USAGE}`, { cause });
  }
}

function positive(values: Values, name: string, fallback: number): number {
  const text = values[name];
  if (text === undefined) return fallback;
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new HearthError("bench.usage", `--${name} takes a whole number above 0, not "${text}"`);
}

function names(text: string | boolean | undefined): string[] | undefined {
  return typeof text === "string" ? text.split(",").filter((name) => name !== "") : undefined;
}
