// The frame around every command: run it, turn what went wrong into one line and an exit code, and end the process.

import { HearthError } from "@hearth/platform";
import { EndedFromOutside } from "./ending.ts";
import { ExitCode } from "./exit-codes.ts";

/** Runs `command`, which gives its exit code, and ends the process. With `isJson` an error is an object on stdout. */
export async function conduct(command: () => Promise<number>, isJson = false): Promise<never> {
  let exitCode: number;
  try {
    exitCode = await command();
  } catch (error) {
    exitCode = report(error, isJson);
  }
  process.exit(exitCode);
}

/** Says what went wrong and gives the exit code. */
export function report(error: unknown, isJson: boolean): number {
  if (error instanceof EndedFromOutside) {
    if (error.message !== "") say(isJson, "guest.timeout", error.message);
    return error.exitCode;
  }
  if (error instanceof HearthError) {
    if (!isJson && error.code === "guest.panic") showConsole(error.details.console);
    say(isJson, error.code, `${error.message} (${error.code})`, error.details);
    if (process.env.HEARTH_DEBUG !== undefined) console.error(error);
    return exitCodeOf(error);
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say(isJson, "internal.bug", `Hearth has a bug, please report it: ${text} (internal.bug)`);
  return ExitCode.Error;
}

function exitCodeOf(error: HearthError): number {
  const { exitCode } = error.details;
  if (typeof exitCode === "number") return exitCode;
  if (error.code === "guest.panic" || error.code === "guest.ended") return ExitCode.GuestEnded;
  return ExitCode.Error;
}

function say(isJson: boolean, code: string, line: string, details: unknown = {}): void {
  if (isJson) {
    const message = line.replace(` (${code})`, "");
    process.stdout.write(`${JSON.stringify({ error: { code, message, details } })}\n`);
  } else {
    process.stderr.write(`hearth: ${line}\n`);
  }
}

/** The guest's last words, set off from ours. */
export function showConsole(lines: unknown): void {
  if (!Array.isArray(lines) || lines.length === 0) return;
  process.stderr.write("hearth: the guest's last console lines:\n");
  for (const line of lines) process.stderr.write(`  | ${String(line)}\n`);
}
