// The engine benchmark's peers: the fixed workload natively, under QEMU's two usual TCG models and under Hearth.

import type { Contest } from "../contest.ts";
import { HEARTH, KERNEL_ARGUMENTS, nativeCommand, type PeerCommand, tcgCommand } from "../peer-command.ts";
import type { Workload } from "./workload.ts";

export const PEER_NAMES = ["native", "tcg-max", "tcg-qemu64", "hearth", "hearth-warm"] as const;
export type PeerName = (typeof PEER_NAMES)[number];

const COLD: Contest = {
  heading: "Without translations of earlier runs",
  baseline: "native",
  rival: "TCG",
  rivals: new Map([
    ["tcg-max", "m"],
    ["tcg-qemu64", "q"],
  ]),
  subject: "hearth",
  targets: { mean: 0.9, worst: 2, powerOn: 2, peakRss: 1.6 },
};

const WARM: Contest = {
  ...COLD,
  heading: "With the translations that an earlier run has left",
  subject: "hearth-warm",
  targets: { powerOn: 1, peakRss: 1.6 },
};

export const ENGINE_CONTESTS: readonly Contest[] = [COLD, WARM];

export interface PeerInput extends Workload {
  readonly memoryMib: number;
  /** For the workload's init: `bscale=` and `blist=`. */
  readonly guestArguments: string;
  /** Of the host; 0 when it is not known. */
  readonly tscKhz: number;
  /** The CPU that native programs are held to. */
  readonly cpu: number;
}

/** The command of one peer. */
export function peerCommand(peer: PeerName, input: PeerInput): PeerCommand {
  switch (peer) {
    case "native":
      return nativeCommand(input.root, "/init", input.guestArguments, input.cpu);
    case "tcg-max":
      return tcg("max", input);
    case "tcg-qemu64":
      return tcg("qemu64", input);
    case "hearth":
      return hearthCommand(input, "cold");
    case "hearth-warm":
      return hearthCommand(input, "warm");
  }
}

function tcg(model: string, { kernel, initrd, memoryMib, guestArguments, tscKhz }: PeerInput): PeerCommand {
  const append = `${KERNEL_ARGUMENTS} ${guestArguments}`;
  return tcgCommand({ model, kernel, memoryMib, devices: ["-initrd", initrd], append, tscKhz });
}

/** Hearth with a kernel and an initramfs. */
export function hearthCommand(
  input: Pick<PeerInput, "kernel" | "initrd" | "memoryMib" | "guestArguments">,
  translations: "cold" | "warm",
): PeerCommand {
  const boot = ["--kernel", input.kernel, "--initrd", input.initrd, "--memory", `${input.memoryMib}M`];
  const append = `${KERNEL_ARGUMENTS} ${input.guestArguments}`;
  return { file: process.execPath, args: [HEARTH, "boot", ...boot, "--append", append], translations };
}

/** What stands for the paths of a host in a kept command. */
export function pathNames({ kernel, initrd, root }: Workload): Record<string, string> {
  return { [kernel]: "{kernel}", [initrd]: "{initrd}", [root]: "{root}" };
}
