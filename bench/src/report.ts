// The report: a markdown table for people, which is also what the terminal shows, and JSON for later comparisons.

import type { Comparison, Row } from "./comparison.ts";
import type { HostFacts } from "./host-facts.ts";
import type { PeerName } from "./peers.ts";

export interface ReportInput {
  /** ISO 8601, UTC. */
  readonly date: string;
  /** As typed. */
  readonly command: string;
  readonly host: HostFacts;
  readonly settings: { readonly runs: number; readonly scale: number; readonly memoryMib: number };
  /** Each peer's command with placeholders for paths. */
  readonly peers: ReadonlyMap<PeerName, string>;
  /** Boots that did not finish and were repeated. */
  readonly failures: ReadonlyMap<PeerName, number>;
  readonly comparison: Comparison;
}

/** What this tier of the engine is to reach: at most this many times TCG's time. */
export const TARGETS = { mean: 15, powerOn: 12 } as const;

/** The report in markdown. */
export function renderMarkdown(input: ReportInput): string {
  const { comparison, host, settings } = input;
  const lines = [
    `# Engine benchmark, ${input.date}`,
    "",
    `${host.cpu}, ${host.cpus} CPUs, load ${host.loadBefore} before and ${host.loadAfter} after. ` +
      `${host.kernel}, Node ${host.node}, ${host.qemu ?? "without QEMU"}. Commit ${host.commit}.`,
    `Medians of ${settings.runs} at scale ${settings.scale} %, guest memory ${settings.memoryMib} MiB; ` +
      "± is (largest − smallest) / median.",
    "",
    `    ${input.command}`,
    "",
    "| program | native s | TCG s | Hearth s | ÷ native | ÷ TCG |",
    "|---|---:|---:|---:|---:|---:|",
    ...comparison.programs.map((program) => tableLine(program, 3)),
    ...meanLine(comparison),
    tableLine(comparison.powerOn, 2),
    tableLine(comparison.peakRss, 0).replace("peak RSS", "peak RSS, MiB"),
    "",
    `TCG is the faster CPU model for each program (m: max, q: qemu64). Targets: mean ≤ ${TARGETS.mean} × TCG, ` +
      `power-on ≤ ${TARGETS.powerOn} × TCG.`,
    ...problems(input),
    "",
  ];
  return lines.join("\n");
}

function tableLine(row: Row, digits: number): string {
  const cell = (peer: PeerName | undefined): string => {
    const measured = peer === undefined ? undefined : row.byPeer.get(peer);
    if (measured === undefined) return "";
    const model = peer === "tcg-max" ? " m" : peer === "tcg-qemu64" ? " q" : "";
    return `${measured.median.toFixed(digits)}${model} ±${Math.round(measured.spread * 100)}%`;
  };
  const cells = [cell("native"), cell(row.tcg), cell("hearth"), factor(row.vsNative), factor(row.vsTcg)];
  return `| ${row.name} | ${cells.join(" | ")} |`;
}

function meanLine({ meanVsNative, meanVsTcg }: Comparison): string[] {
  if (meanVsNative === undefined && meanVsTcg === undefined) return [];
  const cells = [meanVsNative, meanVsTcg].map((mean) => (mean === undefined ? "" : `**${factor(mean)}**`));
  return [`| **geometric mean** | | | | ${cells.join(" | ")} |`];
}

function factor(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(value < 10 ? 2 : 1);
}

function problems({ comparison, failures }: ReportInput): string[] {
  const wrong = comparison.mismatches.map(
    ({ program, peer, got, expected }) =>
      `**Wrong checksum:** ${program} on ${peer}: ${got}, not ${expected}.`,
  );
  const failed = [...failures].filter(([, count]) => count > 0);
  const repeated = failed.map(([peer, count]) => `${count} boot(s) of ${peer} did not finish.`);
  return wrong.length + repeated.length > 0 ? ["", ...wrong, ...repeated] : [];
}

/** The report as JSON, with a final newline. */
export function renderJson(input: ReportInput): string {
  const { comparison } = input;
  const measured = (row: Row) => ({
    name: row.name,
    ...Object.fromEntries(row.byPeer),
    tcg: row.tcg,
    vsNative: row.vsNative,
    vsTcg: row.vsTcg,
  });
  const report = {
    benchmark: "engine",
    date: input.date,
    command: input.command,
    host: input.host,
    settings: input.settings,
    peers: Object.fromEntries(input.peers),
    failures: Object.fromEntries(input.failures),
    meanVsNative: comparison.meanVsNative,
    meanVsTcg: comparison.meanVsTcg,
    powerOn: measured(comparison.powerOn),
    peakRssMib: measured(comparison.peakRss),
    programs: comparison.programs.map(measured),
    mismatches: comparison.mismatches,
  };
  return `${JSON.stringify(report, null, 1)}\n`;
}
