// What a person may say to a benchmark, and what holds when nothing is said.

import { parseArgs } from "node:util";
import { HearthError } from "@hearth/machine";

export interface BenchOptions {
  /** Samples of each peer; medians are reported. */
  readonly runs: number;
  /** Size of every program in per cent. */
  readonly scale: number;
  /** Programs to run; undefined is the workload's own list. */
  readonly programs: readonly string[] | undefined;
  /** Peers to run, in their usual order. */
  readonly peers: readonly string[];
  readonly memoryMib: number;
  /** For one boot of one peer. */
  readonly timeoutS: number;
  /** Another kernel than the workload's; undefined is the workload's. */
  readonly kernel: string | undefined;
  /** False prints only and keeps no file. */
  readonly isKept: boolean;
}

/** What differs between benchmarks. */
export interface BenchForm {
  /** As in `npm run …`. */
  readonly script: string;
  readonly peers: readonly string[];
  readonly memoryMib: number;
  readonly timeoutS: number;
  /** A program and another one, as an example. */
  readonly example: string;
  /** The variables that matter, in one line or more. */
  readonly environment: string;
}

/** The text of --help. */
export function usage(form: BenchForm): string {
  return `npm run ${form.script} -- [options]
  --runs N        samples of each peer (3)
  --scale PCT     size of the programs in per cent (100)
  --list A,B      these programs only, for example ${form.example}; --list '' measures power-on alone
  --peers A,B     of ${form.peers.join(", ")} (all)
  --memory MIB    the guest's memory (${form.memoryMib})
  --timeout S     for one boot of one peer (${form.timeoutS})
  --kernel FILE   another kernel than the workload's
  --no-save       print, but keep nothing in bench/results/
Environment: ${form.environment}`;
}

/** The options in `args`, or undefined when help is asked for. Throws HearthError `bench.usage`. */
export function parseOptions(args: readonly string[], form: BenchForm): BenchOptions | undefined {
  const values = scan(args, form);
  if (values["help"] === true) return undefined;
  return {
    runs: positive(values, "runs", 3),
    scale: positive(values, "scale", 100),
    programs: names(values["list"]),
    peers: choosePeers(names(values["peers"]), form),
    memoryMib: positive(values, "memory", form.memoryMib),
    timeoutS: positive(values, "timeout", form.timeoutS),
    kernel: typeof values["kernel"] === "string" ? values["kernel"] : undefined,
    isKept: values["no-save"] !== true,
  };
}

type Values = Record<string, string | boolean | undefined>;

function scan(args: readonly string[], form: BenchForm): Values {
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
    throw new HearthError("bench.usage", `${reason}\n${usage(form)}`, { cause });
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

function choosePeers(wanted: readonly string[] | undefined, { peers }: BenchForm): readonly string[] {
  const unknown = wanted?.find((name) => !peers.includes(name));
  if (unknown !== undefined) {
    throw new HearthError("bench.usage", `no peer "${unknown}"; there are ${peers.join(", ")}`);
  }
  return peers.filter((name) => wanted?.includes(name) ?? true);
}
