// Who is measured, each as one command that runs the workload with its console on standard output.

import { fileURLToPath } from "node:url";

export const PEER_NAMES = ["native", "tcg-max", "tcg-qemu64", "hearth"] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/** The peers that "TCG" in the report is the faster one of. */
export const TCG_PEERS: readonly PeerName[] = ["tcg-max", "tcg-qemu64"];

export interface PeerInput {
  readonly kernel: string;
  readonly initrd: string;
  readonly root: string;
  readonly memoryMib: number;
  /** For the workload's init: `bscale=` and `blist=`. */
  readonly guestArguments: string;
  /** Of the host; 0 when it is not known. */
  readonly tscKhz: number;
  /** The CPU that native programs are held to; a guest has one, too. */
  readonly cpu: number;
}

export interface PeerCommand {
  readonly file: string;
  readonly args: readonly string[];
}

const HEARTH = fileURLToPath(new URL("../../bin/hearth", import.meta.url));
const KERNEL_ARGUMENTS = "console=ttyS0 reboot=t panic=-1 quiet";

/** The workload's init takes its size and programs from the kernel's command line. */
export function guestArguments(scale: number, programs: readonly string[] | undefined): string {
  return programs === undefined ? `bscale=${scale}` : `bscale=${scale} blist=${programs.join(",")}`;
}

/** The command of one peer. */
export function peerCommand(peer: PeerName, input: PeerInput): PeerCommand {
  switch (peer) {
    case "native":
      return native(input);
    case "tcg-max":
      return tcg("max", input);
    case "tcg-qemu64":
      return tcg("qemu64", input);
    case "hearth":
      return hearth(input);
  }
}

function native({ cpu, root, guestArguments }: PeerInput): PeerCommand {
  return { file: "taskset", args: ["-c", `${cpu}`, "chroot", root, "/init", "native", guestArguments] };
}

/**
 * TCG hands the host's TSC to the guest, and microvm has nothing but the PIT to calibrate it by, which fails on a busy
 * host: so the frequency is given.
 */
function tcg(model: string, input: PeerInput): PeerCommand {
  const tsc = input.tscKhz > 0 ? ` tsc_early_khz=${input.tscKhz}` : "";
  const machine = ["-M", "microvm,accel=tcg", "-cpu", model, "-smp", "1", "-m", `${input.memoryMib}`];
  const devices = ["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"];
  const boot = ["-kernel", input.kernel, "-initrd", input.initrd];
  const append = `${KERNEL_ARGUMENTS}${tsc} ${input.guestArguments}`;
  return { file: "qemu-system-x86_64", args: [...machine, ...devices, ...boot, "-append", append] };
}

function hearth(input: PeerInput): PeerCommand {
  const boot = ["--kernel", input.kernel, "--initrd", input.initrd, "--memory", `${input.memoryMib}M`];
  const append = `${KERNEL_ARGUMENTS} ${input.guestArguments}`;
  return { file: process.execPath, args: [HEARTH, "boot", ...boot, "--append", append] };
}

/** The command as it may be kept: without the paths of the host it ran on. */
export function portableCommand(command: PeerCommand, input: PeerInput): string {
  const names: Readonly<Record<string, string>> = {
    [input.kernel]: "{kernel}",
    [input.initrd]: "{initrd}",
    [input.root]: "{root}",
    [process.execPath]: "node",
    [HEARTH]: "bin/hearth",
  };
  const words = [command.file, ...command.args].map((word) => names[word] ?? word);
  return words.map((word) => (/[^\w./={},:+-]/.test(word) ? `'${word}'` : word)).join(" ");
}
