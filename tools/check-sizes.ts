/*
 * The size norm of TypeScript sources: error above 600 lines, warning above 400, and a report of
 * median and 90th percentile. Tables and generated files are exempt when their opening comment says
 * `size: table` or `size: generated`; test vectors count as tables.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isTestFile, listSources } from "./repo-files.ts";

/** Lines of a source file at which the check warns and fails. */
export const SIZE_LIMITS = { warning: 400, error: 600 } as const;

export type FileSize = { readonly path: string; readonly lines: number; readonly isExempt: boolean };

export type SizeReport = {
  readonly errors: readonly FileSize[];
  readonly warnings: readonly FileSize[];
  readonly exempt: readonly FileSize[];
  /** Of source files without tests and exempt files. */
  readonly median: number;
  readonly p90: number;
  readonly files: number;
};

const HEADER_LINES = 12;
const EXEMPTION = /\bsize: (?:table|generated)\b/;

/** Measures every TypeScript file below `root`. */
export function checkSizes(root: string): SizeReport {
  const measured = listSources(root).map((path) => measure(root, path));
  const counted = measured.filter((file) => !file.isExempt);
  const lines = counted.filter((file) => !isTestFile(file.path)).map((file) => file.lines);
  lines.sort((a, b) => a - b);
  return {
    errors: counted.filter((file) => file.lines > SIZE_LIMITS.error),
    warnings: counted.filter((file) => file.lines > SIZE_LIMITS.warning && file.lines <= SIZE_LIMITS.error),
    exempt: measured.filter((file) => file.isExempt && file.lines > SIZE_LIMITS.warning),
    median: percentile(lines, 0.5),
    p90: percentile(lines, 0.9),
    files: lines.length,
  };
}

/** The report as lines for a person. */
export function describeSizes(report: SizeReport): string[] {
  const list = (label: string, files: readonly FileSize[]): string[] =>
    files.map((file) => `${label} ${file.path}: ${file.lines} lines`);
  return [
    ...list(`error (> ${SIZE_LIMITS.error})`, report.errors),
    ...list(`warning (> ${SIZE_LIMITS.warning})`, report.warnings),
    ...list("exempt", report.exempt),
    `sizes: ${report.files} source files, median ${report.median}, p90 ${report.p90} lines`,
  ];
}

function measure(root: string, path: string): FileSize {
  const text = readFileSync(join(root, path), "utf8");
  const lines = text.split("\n");
  const count = text.endsWith("\n") ? lines.length - 1 : lines.length;
  return { path, lines: count, isExempt: EXEMPTION.test(openingComment(lines)) };
}

/** Only the comment before the first statement can exempt a file. */
function openingComment(lines: readonly string[]): string {
  const header = lines.slice(0, HEADER_LINES);
  const end = header.findIndex((line) => !/^\s*(?:\/\*|\*|\/\/|#!|$)/.test(line));
  return (end === -1 ? header : header.slice(0, end)).join("\n");
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const report = checkSizes(fileURLToPath(new URL("..", import.meta.url)));
  for (const line of describeSizes(report)) console.log(line);
  if (report.errors.length > 0) process.exitCode = 1;
}
