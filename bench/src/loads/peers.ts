// The peers of the longer loads: a Debian root natively, under QEMU's TCG models and under Hearth, with the same kernel
// and the same disk, which nobody changes.

import type { Contest } from "../contest.ts";
import { HEARTH, KERNEL_ARGUMENTS, nativeCommand, type PeerCommand, tcgCommand } from "../peer-command.ts";
import type { LoadsImage } from "./image.ts";

export const LOADS_PEERS = ["native", "tcg-max", "tcg-qemu64", "hearth"] as const;

export const LOADS_CONTEST: Contest = {
  heading: undefined,
  baseline: "native",
  rival: "TCG",
  rivals: new Map([
    ["tcg-max", "m"],
    ["tcg-qemu64", "q"],
  ]),
  subject: "hearth",
  targets: {},
};

export interface LoadsInput extends LoadsImage {
  readonly kernel: string;
  readonly memoryMib: number;
  /** For the guest's init: `bscale=` and `blist=`. */
  readonly guestArguments: string;
  /** Of the host; 0 when it is not known. */
  readonly tscKhz: number;
  /** The CPU that native programs are held to. */
  readonly cpu: number;
}

const INIT = "/loads/init";

/** The commands of the chosen peers. */
export function loadsCommands(peers: readonly string[], input: LoadsInput): Map<string, PeerCommand> {
  const { root, guestArguments, cpu } = input;
  const all: Readonly<Record<(typeof LOADS_PEERS)[number], PeerCommand>> = {
    native: nativeCommand(root, INIT, guestArguments, cpu),
    "tcg-max": tcg("max", input),
    "tcg-qemu64": tcg("qemu64", input),
    hearth: hearth(input),
  };
  return new Map(LOADS_PEERS.filter((peer) => peers.includes(peer)).map((peer) => [peer, all[peer]]));
}

function append({ guestArguments }: LoadsInput): string {
  return `${KERNEL_ARGUMENTS} root=/dev/vda rw init=${INIT} ${guestArguments}`;
}

function tcg(model: string, input: LoadsInput): PeerCommand {
  const drive = `file=${input.disk},if=none,id=disk,format=raw,snapshot=on`;
  const devices = ["-drive", drive, "-device", "virtio-blk-device,drive=disk"];
  return tcgCommand({ ...input, model, devices, append: append(input) });
}

function hearth(input: LoadsInput): PeerCommand {
  const boot = ["--kernel", input.kernel, "--memory", `${input.memoryMib}M`, "--disk", input.disk];
  const args = [HEARTH, "boot", ...boot, "--append", append(input)];
  return { file: process.execPath, args, translations: "cold" };
}
