// `hearth run`: one machine, one program, its exit code.

import { Machine, type MachineOptions } from "@hearth/platform";
import { conduct } from "../../conduct.ts";
import { Ending } from "../../ending.ts";
import { environmentOf } from "../../parse/environment.ts";
import { endWithReader } from "../../terminal/output.ts";
import { Progress } from "../../terminal/progress.ts";
import { terminalSize } from "../../terminal/raw-mode.ts";
import { ProfileOutput } from "../../profile-output.ts";
import { attach } from "./attach.ts";
import type { RunFlags } from "./flags.ts";

/** Entry for the command's loader. */
export function main(flags: RunFlags, ...argv: string[]): Promise<never> {
  return conduct(() => run(flags, argv), flags.json);
}

async function run(flags: RunFlags, argv: readonly string[]): Promise<number> {
  using ending = new Ending(flags.timeout);
  endWithReader(ending);
  const startMs = performance.now();
  const profile = await ProfileOutput.prepare(flags);
  const progress = new Progress("booting Linux");
  let machine: Machine | undefined;
  try {
    machine = await Machine.start(machineOptions(flags, ending.signal));
    await ending.race(machine.ready());
    const bootMs = performance.now() - startMs;
    const end = flags.json
      ? runToJson(machine, flags, argv, ending, bootMs)
      : runAttached(machine, flags, argv, ending, progress);
    return await end;
  } finally {
    progress[Symbol.dispose]();
    if (machine !== undefined) {
      await putAway(machine, flags, ending.signal.aborted);
      await profile.write(machine);
    }
  }
}

function machineOptions(flags: RunFlags, signal: AbortSignal): MachineOptions {
  return {
    memoryMib: flags.memory,
    vcpus: flags.vcpus,
    engine: flags.engine,
    disks: flags.disk ?? [],
    isProfiled: flags.profile !== undefined,
    signal,
    ...(flags.timeout === undefined ? {} : { bootTimeoutMs: flags.timeout + 1000 }),
  };
}

function spawnOptions(flags: RunFlags) {
  return {
    env: environmentOf(flags.env ?? []),
    ...(flags.workdir === undefined ? {} : { cwd: flags.workdir }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
  };
}

async function runAttached(
  machine: Machine,
  flags: RunFlags,
  argv: readonly string[],
  ending: Ending,
  progress: Progress,
): Promise<number> {
  const program = await ending.race(
    machine.spawn(argv, {
      ...spawnOptions(flags),
      hasStdin: flags.interactive || flags.tty,
      ...(flags.tty ? { pty: terminalSize() } : {}),
    }),
  );
  progress[Symbol.dispose]();
  ending.forwardTo((signal) => program.kill(signal));
  const status = await ending.race(
    attach(program, { hasStdin: flags.interactive || flags.tty, isTty: flags.tty }),
  );
  return status.exitCode;
}

async function runToJson(
  machine: Machine,
  flags: RunFlags,
  argv: readonly string[],
  ending: Ending,
  bootMs: number,
): Promise<number> {
  const startMs = performance.now();
  const result = await ending.race(
    machine.exec(argv, { ...spawnOptions(flags), ...(flags.interactive ? { stdin: process.stdin } : {}) }),
  );
  const { stdout, stderr, exitCode, signal } = result;
  const times = { bootMs: Math.round(bootMs), runMs: Math.round(performance.now() - startMs) };
  const report = { exitCode, signal: signal ?? null, stdout, stderr, engine: machine.engine, ...times };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return exitCode;
}

/** A disk that keeps what is written to it deserves an orderly end; otherwise the plug is pulled. */
async function putAway(machine: Machine, flags: RunFlags, isHurried: boolean): Promise<void> {
  const mustFlush = (flags.disk ?? []).some((disk) => disk.mode === "read-write");
  if (mustFlush && !isHurried) await machine.shutdown();
  else await machine.stop();
}
