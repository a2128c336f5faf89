// `hearth demo`: what `npm start` shows. The work is in demo.ts.

import { buildCommand } from "@stricli/core";
import { machineFlags } from "../shared-flags.ts";

export interface DemoFlags {
  readonly memory: number;
}

export const demoCommand = buildCommand<DemoFlags>({
  loader: async () => (await import("./demo.ts")).default,
  parameters: { flags: { memory: machineFlags.memory } },
  docs: { brief: "Boot the embedded Linux and look around in it" },
});
