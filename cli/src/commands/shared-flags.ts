// Flags that more than one command takes.

import { parseCount } from "../parse/counts.ts";
import { parseDisk } from "../parse/disk-argument.ts";
import { parseDurationMs } from "../parse/duration.ts";
import { parseMemoryMib } from "../parse/memory-size.ts";

/** What the machine is made of. */
export const machineFlags = {
  memory: {
    kind: "parsed",
    parse: parseMemoryMib,
    brief: "Memory of the machine, for example 64M or 1G",
    placeholder: "SIZE",
    default: "128M",
  },
  vcpus: {
    kind: "parsed",
    parse: parseCount,
    brief: "Number of vCPUs, 1 to 32",
    placeholder: "N",
    default: "1",
  },
  engine: {
    kind: "parsed",
    parse: String,
    brief: "Engine that runs it: auto, portable or kvm",
    placeholder: "NAME",
    default: "auto",
  },
  disk: {
    kind: "parsed",
    parse: parseDisk,
    brief: "Disk image; writes are discarded, or :ro read-only, :rw written in place (repeatable)",
    placeholder: "FILE[:ro|:rw]",
    variadic: true,
    optional: true,
  },
  timeout: {
    kind: "parsed",
    parse: parseDurationMs,
    brief: "Give up after this long, boot included, with exit code 124",
    placeholder: "TIME",
    optional: true,
  },
  profile: {
    kind: "parsed",
    parse: String,
    brief: "Say at the end where time went; flame graph in FILE (hearth-profile.svg if absent)",
    placeholder: "[=FILE]",
    inferEmpty: true,
    optional: true,
  },
  profileStacks: {
    kind: "parsed",
    parse: String,
    brief: "With --profile: write folded stacks too",
    placeholder: "FILE",
    optional: true,
  },
  systemMap: {
    kind: "parsed",
    parse: String,
    brief: "With --profile: the kernel's System.map, for names of its functions",
    placeholder: "FILE",
    optional: true,
  },
} as const;

/** Their values. */
export interface MachineFlags {
  readonly memory: number;
  readonly vcpus: number;
  readonly engine: string;
  readonly disk?: readonly ReturnType<typeof parseDisk>[];
  readonly timeout?: number;
  /** Empty: the default file. */
  readonly profile?: string;
  readonly profileStacks?: string;
  readonly systemMap?: string;
}
