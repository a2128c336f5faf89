// `hearth run`: its flags and its help. The work is in run.ts, loaded when it is needed.

import { buildCommand } from "@stricli/core";
import type { RunFlags } from "./flags.ts";
import { parseEnvironmentPair } from "../../parse/environment.ts";
import { machineFlags } from "../shared-flags.ts";

export const runCommand = buildCommand<RunFlags, string[]>({
  loader: async () => (await import("./run.ts")).main,
  parameters: {
    flags: {
      ...machineFlags,
      env: {
        kind: "parsed",
        parse: (text: string) => parseEnvironmentPair(text),
        brief: "Set a variable for the command; NAME alone passes yours (repeatable)",
        placeholder: "NAME[=VALUE]",
        variadic: true,
        optional: true,
      },
      workdir: {
        kind: "parsed",
        parse: String,
        brief: "Directory it starts in",
        placeholder: "DIR",
        optional: true,
      },
      user: {
        kind: "parsed",
        parse: String,
        brief: "User it runs as, NAME or UID[:GID]",
        placeholder: "USER",
        optional: true,
      },
      interactive: {
        kind: "boolean",
        brief: "Pass standard input to it",
        default: false,
        withNegated: false,
      },
      tty: { kind: "boolean", brief: "Give it a terminal", default: false, withNegated: false },
      json: {
        kind: "boolean",
        brief: "Print one JSON object instead of its output",
        default: false,
        withNegated: false,
      },
    },
    aliases: { i: "interactive", t: "tty", e: "env", m: "memory", u: "user", w: "workdir" },
    positional: {
      kind: "array",
      parameter: {
        brief: "Program to run in the guest, and its arguments",
        parse: String,
        placeholder: "command",
      },
      minimum: 1,
    },
  },
  docs: {
    brief: "Boot a microVM, run a command in it, and end with its exit code",
    customUsage: ["[flags] COMMAND [ARGUMENTS…]"],
    fullDescription: [
      "Boots the embedded Linux kernel and root file system, runs COMMAND in it and ends with its exit code.",
      "Standard output and error are the command's own, signals reach it, and nothing is left behind.",
      "",
      "Examples:",
      "  hearth run uname -a",
      "  hearth run --memory 256M --env NAME=world sh -c 'echo hello $NAME'",
      "  echo 2+3 | hearth run -i bc",
      "  hearth run -it sh",
      "  hearth run --disk data.img:ro -- sh -c 'mount -o ro /dev/vda /mnt && ls /mnt'",
      "  hearth run --timeout 5s -- sleep 60; echo $?      # 124",
      "",
      "Exit codes: the command's own; 128+N if signal N ended it; 127 not found; 126 not executable; 125 user or",
      "directory impossible; 124 timeout; 3 the guest panicked or ended first; 2 wrong usage; 1 any other error.",
    ].join("\n"),
  },
});
