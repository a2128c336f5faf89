// Runs bin/hearth as a user does, for the tests of the command.

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/hearth", import.meta.url));
/** The kernel in the repository, as a file for --kernel. */
export const KERNEL = fileURLToPath(new URL("../../guest/kernel/vmlinuz", import.meta.url));
/** The root file system in the repository, as a file for --initrd. */
export const INITRD = fileURLToPath(new URL("../../guest/rootfs/base.cpio.gz", import.meta.url));

export interface Outcome {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
  /** Resolves when standard output has had `text`; rejects when the command ends first. */
  sees(text: string): Promise<void>;
}

export interface CommandOptions {
  /** All it gets to read. */
  readonly stdin?: string;
  /** Variables besides those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts `hearth` with `args`. */
export function startHearth(args: readonly string[], options: CommandOptions = {}): RunningCommand {
  const env = { ...process.env, ...options.environment };
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ["pipe", "pipe", "pipe"], env });
  let stdout = "";
  let stderr = "";
  const watchers = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    for (const watch of watchers) watch();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {});
  child.stdin.end(options.stdin ?? "");
  const outcome = new Promise<Outcome>((resolve) => {
    child.on("close", (code) => resolve({ code: code ?? undefined, stdout, stderr }));
  });
  const sees = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const watch = () => {
        if (stdout.includes(text)) resolve();
      };
      watchers.add(watch);
      void outcome.then(() => reject(new Error(`ended without "${text}": ${stdout}${stderr}`)));
      watch();
    });
  return { child, outcome, sees };
}

/** Runs `hearth` to its end. */
export function hearth(args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  return startHearth(args, options).outcome;
}
