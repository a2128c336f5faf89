// `hearth doctor`: its flags and its help. The work is in doctor.ts.

import { buildCommand } from "@stricli/core";
import type { DoctorFlags } from "./flags.ts";

export const doctorCommand = buildCommand<DoctorFlags>({
  loader: async () => (await import("./doctor.ts")).main,
  parameters: {
    flags: { json: { kind: "boolean", brief: "Print one JSON object", default: false, withNegated: false } },
  },
  docs: {
    brief: "Say what this host offers, which engine would be used and why",
    fullDescription: ["Examples:", "  hearth doctor", "  hearth doctor --json | jq .engine"].join("\n"),
  },
});
