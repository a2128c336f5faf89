// What all benchmarks have in common: take the samples in turns, compare, print, keep.

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HearthError } from "@hearth/machine";
import { compare } from "./comparison.ts";
import type { Contest } from "./contest.ts";
import { hostFacts, load } from "./host-facts.ts";
import { type BenchForm, type BenchOptions, parseOptions, usage } from "./options.ts";
import { type PeerCommand, portableCommand } from "./peer-command.ts";
import { renderJson, renderMarkdown, type ReportInput } from "./report.ts";
import { type Rounds, runRounds } from "./rounds.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RESULTS = fileURLToPath(new URL("../results/", import.meta.url));

export interface Benchmark {
  readonly form: BenchForm;
  /** Begins the names of the files it keeps. */
  readonly name: string;
  readonly title: string;
  readonly remarks: readonly string[];
  readonly contests: readonly Contest[];
  /** Makes ready what the chosen peers need. */
  readonly prepare: (options: BenchOptions) => Prepared;
}

export interface Prepared {
  readonly commands: ReadonlyMap<string, PeerCommand>;
  /** What stands for paths of this host in the report. */
  readonly pathNames: Readonly<Record<string, string>>;
  /** QEMU's version when it takes part. */
  readonly qemu: string | undefined;
}

/** Runs the benchmark as the command line says. Sets exit code 1 when a checksum is wrong or a peer never finishes. */
export async function runBenchmark(benchmark: Benchmark): Promise<void> {
  try {
    const options = parseOptions(process.argv.slice(2), benchmark.form);
    if (options === undefined) console.log(usage(benchmark.form));
    else process.exitCode = await measure(benchmark, options);
  } catch (error) {
    if (!(error instanceof HearthError)) throw error;
    console.error(`bench: ${error.message} (${error.code})`);
    process.exitCode = 1;
  }
}

async function measure(benchmark: Benchmark, options: BenchOptions): Promise<number> {
  const { commands, pathNames, qemu } = benchmark.prepare(options);
  buildEngine();
  const before = hostFacts(qemu);
  const rounds = await runRounds(commands, options.runs, options.timeoutS * 1000, (line) =>
    console.error(line),
  );
  const report: ReportInput = {
    name: benchmark.name,
    title: benchmark.title,
    remarks: benchmark.remarks,
    date: new Date().toISOString().replace(/\.\d+/, ""),
    command: typedCommand(benchmark.form.script),
    host: { ...before, loadAfter: load() },
    settings: options,
    peers: new Map([...commands].map(([peer, command]) => [peer, portableCommand(command, pathNames)])),
    failures: rounds.failures,
    comparisons: benchmark.contests.map((contest) => compare(rounds.samples, contest)),
  };
  console.log(renderMarkdown(report));
  if (options.isKept) keep(report);
  return isGood(report, rounds) ? 0 : 1;
}

/** Variables that change how Hearth runs belong to it; where the workloads are does not. */
function typedCommand(script: string): string {
  const variables = Object.entries(process.env).filter(([name]) =>
    /^HEARTH_(?!ENGINE_BENCH|BENCH_|DEBIAN)/.test(name),
  );
  const settings = variables.map(([name, value]) => `${name}=${value}`);
  const words = process.argv.slice(2).map((word) => (word === "" ? "''" : word));
  return [...settings, `npm run ${script} --`, ...words].join(" ");
}

/** The first boot would otherwise pay for it. */
export function buildEngine(): void {
  const { status } = spawnSync(process.execPath, ["tools/build.ts"], { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new HearthError("bench.build", "the engine does not build");
}

function keep(report: ReportInput): void {
  mkdirSync(RESULTS, { recursive: true });
  const name = `${report.name}-${report.date.replaceAll(":", "").replace(/\d\dZ$/, "Z")}`;
  writeFileSync(`${RESULTS}${name}.json`, renderJson(report));
  writeFileSync(`${RESULTS}${name}.md`, renderMarkdown(report));
  console.error(`kept in bench/results/${name}.{json,md}`);
}

function isGood({ comparisons }: ReportInput, { samples }: Rounds): boolean {
  for (const [peer, ofPeer] of samples)
    if (ofPeer.length === 0) console.error(`bench: ${peer} never finished`);
  const isRight = comparisons.every(({ mismatches }) => mismatches.length === 0);
  return isRight && [...samples.values()].every((ofPeer) => ofPeer.length > 0);
}
