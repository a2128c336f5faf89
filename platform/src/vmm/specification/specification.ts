// What a user asks for, checked once here, and the plain data the runner builds the machine from.

import { resolve } from "node:path";
import type { DiskMode } from "@hearth/host";
import { HearthError } from "@hearth/machine/errors";
import {
  chooseEngine,
  type EngineChoice,
  PORTABLE_MAX_MEMORY_BYTES,
  PORTABLE_MAX_VCPUS,
} from "./engine-choice.ts";
import { runCommandLine } from "./command-line.ts";

const MIB = 1024 * 1024;
/** Below this no useful Linux starts. */
export const MIN_MEMORY_MIB = 32;
export const DEFAULT_MEMORY_MIB = 128;
const MAX_DISKS = 16;

/** A raw image as a disk, /dev/vda and on in the order given. */
export interface DiskOptions {
  readonly path: string;
  /** "copy-on-write": the guest may write, the file stays as it is and the writes are forgotten at the end. */
  readonly mode: DiskMode;
}

/** What `Machine.start` takes. Everything has a default: the embedded kernel and root file system on 128 MiB. */
export interface MachineOptions {
  readonly memoryMib?: number;
  /** 1 (default) to 32. With the portable engine they share one thread, in turns. */
  readonly vcpus?: number;
  /** "auto" (default), "portable" or "kvm". */
  readonly engine?: string;
  /** Path of a kernel (ELF vmlinux or bzImage); the embedded kernel if absent. */
  readonly kernel?: string;
  /** Path of an initrd; the embedded root file system if both kernel and initrd are absent, else none. */
  readonly initrd?: string;
  /** Replaces the default kernel command line. */
  readonly cmdline?: string;
  /** Added to the default kernel command line (or to `cmdline`). */
  readonly extraCmdline?: string;
  readonly disks?: readonly DiskOptions[];
  /** False for guests without hearth-init: `exec` and `files` are then refused at once. */
  readonly hasAgent?: boolean;
  /** Records where time goes, at the price of some of it; see `Machine.profile`. */
  readonly isProfiled?: boolean;
  /** How long `exec` and `files` wait for the guest's agent, from the start. 120 000 if absent. */
  readonly bootTimeoutMs?: number;
  /** Gives up starting; once started, use `stop`. */
  readonly signal?: AbortSignal;
}

/** A checked request, as the runner's thread gets it. */
export interface MachineSpecification {
  readonly memoryBytes: number;
  readonly vcpuCount: number;
  readonly engine: EngineChoice;
  /** Undefined: the embedded one. */
  readonly kernelPath: string | undefined;
  readonly initrd: { readonly kind: "embedded" | "none" } | { readonly kind: "file"; readonly path: string };
  readonly cmdline: string;
  readonly disks: readonly DiskOptions[];
  readonly isProfiled: boolean;
}

/** Throws HearthError memory.*, vcpus.*, engine.*, disk.too-many or cmdline.too-long. */
export function specify(options: MachineOptions): MachineSpecification {
  const vcpuCount = checkVcpus(options.vcpus ?? 1);
  const disks = options.disks ?? [];
  if (disks.length > MAX_DISKS)
    throw new HearthError("disk.too-many", `${disks.length} disks are too many; ${MAX_DISKS} are possible.`);
  const isEmbedded = options.kernel === undefined && options.initrd === undefined;
  // Any kernel may have hearth-init in its initrd, and its agent says only when asked that it listens.
  const defaultCmdline = options.hasAgent === false ? "console=ttyS0" : runCommandLine(vcpuCount);
  const cmdline = [options.cmdline ?? defaultCmdline, options.extraCmdline]
    .filter((part) => part !== undefined && part !== "")
    .join(" ");
  return {
    memoryBytes: checkMemory(options.memoryMib ?? DEFAULT_MEMORY_MIB) * MIB,
    vcpuCount,
    engine: chooseEngine(options.engine ?? "auto"),
    kernelPath: options.kernel === undefined ? undefined : resolve(options.kernel),
    initrd: initrdOf(options, isEmbedded),
    cmdline,
    disks: disks.map((disk) => ({ ...disk, path: resolve(disk.path) })),
    isProfiled: options.isProfiled ?? false,
  };
}

function initrdOf(options: MachineOptions, isEmbedded: boolean): MachineSpecification["initrd"] {
  if (options.initrd !== undefined) return { kind: "file", path: resolve(options.initrd) };
  return { kind: isEmbedded ? "embedded" : "none" };
}

function checkVcpus(vcpus: number): number {
  if (Number.isInteger(vcpus) && vcpus >= 1 && vcpus <= PORTABLE_MAX_VCPUS) return vcpus;
  throw new HearthError(
    "vcpus.invalid",
    `${vcpus} vCPUs are not possible; a machine has 1 to ${PORTABLE_MAX_VCPUS}.`,
    {
      details: { vcpus, maximum: PORTABLE_MAX_VCPUS },
    },
  );
}

function checkMemory(memoryMib: number): number {
  const maxMib = PORTABLE_MAX_MEMORY_BYTES / MIB;
  if (!Number.isFinite(memoryMib) || memoryMib <= 0 || memoryMib !== Math.floor(memoryMib))
    throw new HearthError(
      "memory.invalid",
      `${memoryMib} MiB is no size of memory; use whole MiB, for example 128.`,
    );
  if (memoryMib < MIN_MEMORY_MIB)
    throw new HearthError(
      "memory.too-small",
      `${memoryMib} MiB of memory are too little; ${MIN_MEMORY_MIB} MiB is the least.`,
      {
        details: { memoryMib, minimumMib: MIN_MEMORY_MIB },
      },
    );
  if (memoryMib > maxMib)
    throw new HearthError(
      "memory.too-large",
      `${memoryMib} MiB of memory are too much for the portable engine; ${maxMib} MiB is the most.`,
      { details: { memoryMib, maximumMib: maxMib } },
    );
  return memoryMib;
}
