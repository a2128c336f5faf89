// What a reader has to know about the host to judge the numbers.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, type } from "node:os";
import { fileURLToPath } from "node:url";

export interface HostFacts {
  readonly cpu: string;
  readonly cpus: number;
  readonly kernel: string;
  readonly node: string;
  readonly qemu: string | undefined;
  /** Short hash of the measured commit, with `+` when the tree has changes. */
  readonly commit: string;
  /** One-minute load averages. */
  readonly loadBefore: number;
  readonly loadAfter: number;
}

/** Facts of this host; the load after is not known yet. */
export function hostFacts(qemu: string | undefined): Omit<HostFacts, "loadAfter"> {
  return {
    cpu: cpus()[0]?.model ?? "unknown CPU",
    cpus: cpus().length,
    kernel: `${type()} ${release()}`,
    node: process.versions.node,
    qemu,
    commit: commit(),
    loadBefore: load(),
  };
}

/** The one-minute load average, to two digits. */
export function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

/** From TSC_MHZ, else from what Linux says of the first CPU; 0 when neither says it. */
export function tscKhz(): number {
  const text = process.env["TSC_MHZ"] ?? /cpu MHz\s+: ([\d.]+)/.exec(cpuInfo())?.[1] ?? "0";
  return Math.round(Number(text) / 10) * 10_000;
}

/** The last CPU that this process may use: the first one serves most interrupts. */
export function lastCpu(): number {
  const allowed = /Cpus_allowed_list:\s+(\S+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return Number(allowed.split(/[,-]/).at(-1));
}

function cpuInfo(): string {
  return readFileSync("/proc/cpuinfo", "utf8");
}

function commit(): string {
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd, encoding: "utf8", stdio: "pipe" }).trim();
  try {
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "-uno") === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}
