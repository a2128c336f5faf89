// `hearth boot`: any kernel, the serial console on standard input and output.

import { Machine, type MachineEnd } from "@hearth/platform";
import { conduct } from "../../conduct.ts";
import { Ending } from "../../ending.ts";
import { ExitCode } from "../../exit-codes.ts";
import { copy, endWithReader } from "../../terminal/output.ts";
import { rawMode } from "../../terminal/raw-mode.ts";
import { ProfileOutput } from "../../profile-output.ts";
import type { BootFlags } from "./flags.ts";

/** Resets and panics end the machine instead of hanging it. */
const DEFAULT_COMMAND_LINE = "console=ttyS0 reboot=k panic=-1";
/** Ctrl-] as telnet and virsh have it. */
const ESCAPE_BYTE = 0x1d;

/** Entry for the command's loader. */
export function main(flags: BootFlags): Promise<never> {
  return conduct(() => boot(flags));
}

async function boot(flags: BootFlags): Promise<number> {
  using ending = new Ending(flags.timeout);
  endWithReader(ending);
  const profile = await ProfileOutput.prepare(flags);
  const machine = await Machine.start({
    memoryMib: flags.memory,
    vcpus: flags.vcpus,
    engine: flags.engine,
    disks: flags.disk ?? [],
    cmdline: flags.append ?? DEFAULT_COMMAND_LINE,
    hasAgent: false,
    isProfiled: profile.isWanted,
    signal: ending.signal,
    ...(flags.kernel === undefined ? {} : { kernel: flags.kernel }),
    ...(flags.initrd === undefined ? {} : { initrd: flags.initrd }),
  });
  try {
    using _terminal = rawMode();
    if (process.stdin.isTTY) process.stderr.write("hearth: Ctrl-] quits\r\n");
    const output = copy(machine.console, process.stdout);
    process.stdin.on("data", (bytes: Buffer) => type(machine, bytes, ending));
    process.stdin.on("error", () => {});
    const end = await ending.race(machine.exited);
    await ending.race(output);
    return conclude(end);
  } finally {
    await machine.stop();
    await profile.write(machine);
  }
}

function type(machine: Machine, bytes: Buffer, ending: Ending): void {
  if (process.stdin.isTTY && bytes.includes(ESCAPE_BYTE)) ending.end(ExitCode.Success);
  else machine.console.write(bytes);
}

function conclude(end: MachineEnd): number {
  switch (end.reason) {
    case "power-off":
    case "stopped":
      return ExitCode.Success;
    case "reset":
      if (process.stderr.isTTY) process.stderr.write("\r\nhearth: the guest reset itself\r\n");
      return ExitCode.Success;
    case "panic":
      process.stderr.write(`hearth: The guest's kernel panicked: ${end.message} (guest.panic)\n`);
      return ExitCode.GuestEnded;
    case "failed":
      throw end.error;
  }
}
