// The flags of `hearth run`.

import type { EnvironmentPair } from "../../parse/environment.ts";
import type { MachineFlags } from "../shared-flags.ts";

/** As the scanner gives them. */
export interface RunFlags extends MachineFlags {
  readonly env?: readonly (EnvironmentPair | undefined)[];
  readonly workdir?: string;
  readonly user?: string;
  readonly interactive: boolean;
  readonly tty: boolean;
  readonly json: boolean;
}

/** Flags whose value may be the next word; the guest's command starts after them. */
export const RUN_FLAGS_WITH_VALUE: ReadonlySet<string> = new Set(
  ["memory", "vcpus", "engine", "disk", "timeout", "env", "workdir", "user", "profile-stacks", "system-map"]
    .map((name) => `--${name}`)
    .concat("-e", "-m", "-u", "-w"),
);
