/*
 * v86 emulates 32-bit processors, Hearth boots 64-bit kernels. So the same 32-bit programs (i686 with SSE2, the same files)
 * run under Debian's i386 kernel in v86, and under its x86-64 kernel in Hearth. What a user of Hearth would run instead,
 * the same programs built for 64 bits, is the second contest.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Contest } from "../contest.ts";
import { hearthCommand } from "../engine/peers.ts";
import { KERNEL_ARGUMENTS, nativeCommand, type PeerCommand } from "../peer-command.ts";
import type { V86Files } from "./package.ts";

export const V86_PEERS = ["native-32", "native-64", "v86", "hearth-32", "hearth-64"] as const;

const RIVAL = { rival: "v86", rivals: new Map([["v86", ""]]) } as const;
export const V86_CONTESTS: readonly Contest[] = [
  {
    heading: "The same 32-bit programs",
    baseline: "native-32",
    ...RIVAL,
    subject: "hearth-32",
    targets: { mean: 0.5 },
  },
  {
    heading: "32-bit programs in v86, the same ones built for 64 bits in Hearth",
    baseline: "native-64",
    ...RIVAL,
    subject: "hearth-64",
    targets: { mean: 0.5 },
  },
];

export interface V86Input extends V86Files {
  /** Folder with vmlinuz32, vmlinuz64, initrd32.gz, initrd64.gz, root32 and root64. */
  readonly images: string;
  /** Instead of vmlinuz64. */
  readonly kernel64: string | undefined;
  readonly memoryMib: number;
  readonly guestArguments: string;
  /** The CPU that native programs are held to. */
  readonly cpu: number;
}

const HOST = fileURLToPath(new URL("host.ts", import.meta.url));

/** The commands of the chosen peers. */
export function v86Commands(peers: readonly string[], input: V86Input): Map<string, PeerCommand> {
  const all: Readonly<Record<(typeof V86_PEERS)[number], PeerCommand>> = {
    "native-32": native("32", input),
    "native-64": native("64", input),
    v86: v86(input),
    "hearth-32": hearth("32", input),
    "hearth-64": hearth("64", input),
  };
  return new Map(V86_PEERS.filter((peer) => peers.includes(peer)).map((peer) => [peer, all[peer]]));
}

function native(bits: string, { images, guestArguments, cpu }: V86Input): PeerCommand {
  return nativeCommand(join(images, `root${bits}`), "/init", guestArguments, cpu);
}

function v86({ build, firmware, images, memoryMib, guestArguments }: V86Input): PeerCommand {
  const files = [join(images, "vmlinuz32"), join(images, "initrd32.gz")];
  const args = [HOST, build, firmware, ...files, `${memoryMib}`, `${KERNEL_ARGUMENTS} ${guestArguments}`];
  return { file: process.execPath, args };
}

function hearth(bits: string, input: V86Input): PeerCommand {
  const kernel = input.kernel64 ?? join(input.images, "vmlinuz64");
  return hearthCommand({ ...input, kernel, initrd: join(input.images, `initrd${bits}.gz`) }, "cold");
}
