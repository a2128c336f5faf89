// Entry of the `hearth` command: reads the command line and hands over to one command, which is loaded only then.

import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import type { StricliProcess } from "@stricli/core";

// In the project, not in a temporary directory that others may write to; without it the start takes longer, no more.
enableCompileCache(fileURLToPath(new URL("../../node_modules/.cache/hearth", import.meta.url)));
const { ExitCode: ScannerExit, run } = await import("@stricli/core");
const { createApp } = await import("./app.ts");
const { RUN_FLAGS_WITH_VALUE } = await import("./commands/run/flags.ts");
const { ExitCode } = await import("./exit-codes.ts");
const { separateCommand } = await import("./parse/command-separator.ts");
const { VERSION } = await import("@hearth/platform/version");

const [command, ...words] = process.argv.slice(2);
const inputs =
  command === undefined
    ? ["--help"]
    : command === "run"
      ? [command, ...separateCommand(words, RUN_FLAGS_WITH_VALUE)]
      : [command, ...words];

await run(createApp(VERSION), inputs, { process: process as StricliProcess });
const usageErrors: readonly unknown[] = [ScannerExit.InvalidArgument, ScannerExit.UnknownCommand];
if (usageErrors.includes(process.exitCode)) process.exitCode = ExitCode.Usage;
else if (typeof process.exitCode === "number" && process.exitCode < 0) process.exitCode = ExitCode.Error;
