// The report: markdown tables for people, which is also what the terminal shows, and JSON for later comparisons.

import type { Comparison, Row } from "./comparison.ts";
import { type Contest, contestants } from "./contest.ts";
import type { HostFacts } from "./host-facts.ts";
import { describeTargets } from "./targets.ts";

export interface ReportInput {
  /** Of the benchmark, which begins the names of the files it keeps. */
  readonly name: string;
  readonly title: string;
  /** What is compared with what, if that does not go without saying. */
  readonly remarks: readonly string[];
  /** ISO 8601, UTC. */
  readonly date: string;
  /** As typed. */
  readonly command: string;
  readonly host: HostFacts;
  readonly settings: { readonly runs: number; readonly scale: number; readonly memoryMib: number };
  /** Each peer's command with placeholders for paths. */
  readonly peers: ReadonlyMap<string, string>;
  /** Boots that did not finish and were repeated. */
  readonly failures: ReadonlyMap<string, number>;
  readonly comparisons: readonly Comparison[];
}

/** The report in markdown. */
export function renderMarkdown(input: ReportInput): string {
  const { host, settings } = input;
  const lines = [
    `# ${input.title}, ${input.date}`,
    "",
    `${host.cpu}, ${host.cpus} CPUs, load ${host.loadBefore} before and ${host.loadAfter} after. ` +
      `${host.kernel}, Node ${host.node}, ${host.qemu ?? "without QEMU"}. Commit ${host.commit}.`,
    `Medians of ${settings.runs} at scale ${settings.scale} %, guest memory ${settings.memoryMib} MiB; ` +
      "± is (largest − smallest) / median.",
    ...input.remarks,
    "",
    `    ${input.command}`,
    ...input.comparisons.flatMap(section),
    ...problems(input),
    "",
  ];
  return lines.join("\n");
}

function section(comparison: Comparison): string[] {
  const { contest, programs, powerOn, peakRss } = comparison;
  const { heading, rival } = contest;
  const line = (row: Row, digits: number) => tableLine(row, contest, digits);
  return [
    "",
    ...(heading === undefined ? [] : [`## ${heading}`, ""]),
    `| program | native s | ${rival} s | Hearth s | ÷ native | ÷ ${rival} |`,
    "|---|---:|---:|---:|---:|---:|",
    ...programs.map((program) => line(program, 3)),
    ...meanLine(comparison),
    line(powerOn, 2),
    line(peakRss, 0).replace("peak RSS", "peak RSS, MiB"),
    "",
    ...explain(comparison),
  ];
}

function explain(comparison: Comparison): string[] {
  const { rival, rivals } = comparison.contest;
  const letters = [...rivals].map(([peer, letter]) => `${letter}: ${peer}`).join(", ");
  const choice =
    rivals.size > 1 ? [`${rival} is the fastest of its kinds for each program (${letters}).`] : [];
  return [[...choice, describeTargets(comparison)].filter((text) => text !== undefined).join(" ")];
}

function tableLine(row: Row, { baseline, rivals, subject }: Contest, digits: number): string {
  const cell = (peer: string | undefined): string => {
    const measured = peer === undefined ? undefined : row.byPeer.get(peer);
    if (measured === undefined) return "";
    const letter = rivals.get(peer ?? "") ?? "";
    const time = `${measured.median.toFixed(digits)} ${letter}`.trim();
    return `${time} ±${Math.round(measured.spread * 100)}%`;
  };
  const cells = [cell(baseline), cell(row.rival), cell(subject), factor(row.vsBaseline), factor(row.vsRival)];
  return `| ${row.name} | ${cells.join(" | ")} |`;
}

function meanLine({ meanVsBaseline, meanVsRival }: Comparison): string[] {
  if (meanVsBaseline === undefined && meanVsRival === undefined) return [];
  const cells = [meanVsBaseline, meanVsRival].map((mean) =>
    mean === undefined ? "" : `**${factor(mean)}**`,
  );
  return [`| **geometric mean** | | | | ${cells.join(" | ")} |`];
}

function factor(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(value < 10 ? 2 : 1);
}

function problems({ comparisons, failures }: ReportInput): string[] {
  const wrong = comparisons.flatMap(({ mismatches }) =>
    mismatches.map(
      ({ program, peer, got, expected }) =>
        `**Wrong checksum:** ${program} on ${peer}: ${got}, not ${expected}.`,
    ),
  );
  const failed = [...failures].filter(([, count]) => count > 0);
  const repeated = failed.map(([peer, count]) => `${count} boot(s) of ${peer} did not finish.`);
  const lines = [...new Set(wrong), ...repeated];
  return lines.length > 0 ? ["", ...lines] : [];
}

/** The report as JSON, with a final newline. */
export function renderJson(input: ReportInput): string {
  const report = {
    benchmark: input.name,
    date: input.date,
    command: input.command,
    host: input.host,
    settings: input.settings,
    peers: Object.fromEntries(input.peers),
    failures: Object.fromEntries(input.failures),
    contests: input.comparisons.map(contestJson),
  };
  return `${JSON.stringify(report, null, 1)}\n`;
}

function contestJson(comparison: Comparison): Record<string, unknown> {
  const { contest, meanVsBaseline, meanVsRival, mismatches } = comparison;
  return {
    peers: contestants(contest),
    subject: contest.subject,
    targets: contest.targets,
    meanVsBaseline,
    meanVsRival,
    powerOn: rowJson(comparison.powerOn),
    peakRssMib: rowJson(comparison.peakRss),
    programs: comparison.programs.map(rowJson),
    mismatches,
  };
}

function rowJson({ name, byPeer, rival, vsBaseline, vsRival }: Row): Record<string, unknown> {
  return { name, ...Object.fromEntries(byPeer), rival, vsBaseline, vsRival };
}
