// The flags of `hearth boot`.

import type { MachineFlags } from "../shared-flags.ts";

/** As the scanner gives them. */
export interface BootFlags extends MachineFlags {
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
}
