// How a peer is started: one command that runs the programs with its console on standard output.

import { fileURLToPath } from "node:url";

export interface PeerCommand {
  readonly file: string;
  readonly args: readonly string[];
  /**
   * What Hearth knows from earlier runs. "cold": nothing, in every boot. "warm": what a boot that does not count has left. Absent for
   * what keeps nothing.
   */
  readonly translations?: "cold" | "warm";
}

/** Hearth's command, run with this process' Node. */
export const HEARTH = fileURLToPath(new URL("../../bin/hearth", import.meta.url));

/** For every kernel: the workloads' init says on the serial port what it does, and powers off at its end. */
export const KERNEL_ARGUMENTS = "console=ttyS0 reboot=t panic=-1 quiet";

/** The guest's init takes its size and programs from the kernel's command line; without `programs` it knows its own. */
export function guestArguments(scale: number, programs: readonly string[] | undefined): string {
  return programs === undefined ? `bscale=${scale}` : `bscale=${scale} blist=${programs.join(",")}`;
}

/** A program that runs natively below `root`, held to one CPU because a guest has one, too. */
export function nativeCommand(root: string, init: string, guestArguments: string, cpu: number): PeerCommand {
  return { file: "taskset", args: ["-c", `${cpu}`, "chroot", root, init, "native", guestArguments] };
}

export interface TcgMachine {
  /** QEMU's CPU model. */
  readonly model: string;
  readonly kernel: string;
  readonly memoryMib: number;
  /** Initramfs or disk. */
  readonly devices: readonly string[];
  /** The kernel's command line. */
  readonly append: string;
  /** Of the host; 0 when it is not known. */
  readonly tscKhz: number;
}

/**
 * QEMU's emulator as a microvm. It hands the host's TSC to the guest, which has nothing but the PIT to calibrate it by, and that
 * fails on a busy host: so the frequency is given.
 */
export function tcgCommand({ model, kernel, memoryMib, devices, append, tscKhz }: TcgMachine): PeerCommand {
  const tsc = tscKhz > 0 ? ` tsc_early_khz=${tscKhz}` : "";
  const machine = ["-M", "microvm,accel=tcg", "-cpu", model, "-smp", "1", "-m", `${memoryMib}`];
  const bare = ["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"];
  const boot = ["-kernel", kernel, ...devices, "-append", append.replace(KERNEL_ARGUMENTS, `$&${tsc}`)];
  return { file: "qemu-system-x86_64", args: [...machine, ...bare, ...boot] };
}

/** The command as it may be kept: paths of the host it ran on replaced by `names`. */
export function portableCommand(
  { file, args }: PeerCommand,
  names: Readonly<Record<string, string>>,
): string {
  const known: [string, string][] = [
    ...Object.entries(names),
    [process.execPath, "node"],
    [HEARTH, "bin/hearth"],
  ];
  const plain = (word: string) => known.reduce((text, [path, name]) => text.replace(path, name), word);
  const words = [file, ...args].map(plain);
  return words.map((word) => (/[^\w./={},:+-]/.test(word) ? `'${word}'` : word)).join(" ");
}
