// `hearth demo`: what `npm start` shows. The work is in demo.ts.

import { buildCommand } from "@stricli/core";
import type { DemoFlags } from "./flags.ts";
import { machineFlags } from "../shared-flags.ts";

export const demoCommand = buildCommand<DemoFlags>({
  loader: async () => (await import("./demo.ts")).main,
  parameters: { flags: { memory: machineFlags.memory } },
  docs: { brief: "Boot the embedded Linux and look around in it" },
});
