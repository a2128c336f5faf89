// The `hearth` command (entered by bin/hearth): reads the command line and hands over to one command, which is loaded only then.

import { VERSION } from "@hearth/platform/version";
import { run, ExitCode as ScannerExit, type StricliProcess } from "@stricli/core";
import { createApp } from "./app.ts";
import { RUN_FLAGS_WITH_VALUE } from "./commands/run/flags.ts";
import { ExitCode } from "./exit-codes.ts";
import { separateCommand } from "./parse/command-separator.ts";

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
