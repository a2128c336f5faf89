// One boot of one peer: starts it, reads its console, watches its memory, ends it.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { GuestOutput, type ProgramResult } from "./guest-output.ts";
import type { PeerCommand } from "./peer-command.ts";

export interface Sample {
  /** From the start of the process to the first line of init. */
  readonly powerOnS: number;
  /** Largest resident set of the peer's process. */
  readonly peakRssMib: number;
  readonly programs: ReadonlyMap<string, ProgramResult>;
}

export type RunResult =
  | { readonly isOk: true; readonly sample: Sample }
  | { readonly isOk: false; readonly reason: string };

const RSS_INTERVAL_MS = 250;
/** For the guest to power off by itself after its last line. */
const GRACE_MS = 10_000;
const STDERR_CHARACTERS = 1500;

export interface RunOnceOptions {
  /** Added to this process' own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Hears of each program as it ends. */
  readonly onProgram?: (name: string) => void;
}

/** Resolves when the peer is gone; never rejects. */
export function runOnce(
  command: PeerCommand,
  timeoutMs: number,
  { environment = {}, onProgram = () => {} }: RunOnceOptions = {},
): Promise<RunResult> {
  return new Promise((resolve) => {
    const startMs = performance.now();
    const env = { ...process.env, ...environment };
    const child = spawn(command.file, command.args, { stdio: ["ignore", "pipe", "pipe"], env });
    const output = new GuestOutput();
    let peakRssMib = 0;
    let stderr = "";
    const watch = () => {
      peakRssMib = Math.max(peakRssMib, residentPeakMib(child));
    };
    const kill = () => child.kill("SIGKILL");
    const watchTimer = setInterval(watch, RSS_INTERVAL_MS);
    const timeout = setTimeout(kill, timeoutMs);
    let grace: NodeJS.Timeout | undefined;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-STDERR_CHARACTERS);
    });
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      const ended = output.feed(text, performance.now() - startMs);
      if (ended.length > 0 || output.isFinished) watch();
      for (const name of ended) onProgram(name);
      if (output.isFinished) grace ??= setTimeout(kill, GRACE_MS);
    });
    const end = (problem: string) => {
      clearInterval(watchTimer);
      clearTimeout(timeout);
      clearTimeout(grace);
      resolve(conclude(output, peakRssMib, `${problem}\n${output.tail}\n${stderr}`.trim()));
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code, signal) =>
      end(`ended by ${signal ?? `exit code ${code}`} before its last line`),
    );
  });
}

function conclude(output: GuestOutput, peakRssMib: number, reason: string): RunResult {
  if (!output.isFinished || output.bootedAtMs === undefined) return { isOk: false, reason };
  const powerOnS = output.bootedAtMs / 1000;
  return { isOk: true, sample: { powerOnS, peakRssMib, programs: output.programs } };
}

/** What Linux remembers of the process; 0 when it is gone already. */
function residentPeakMib(child: ChildProcess): number {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
