// Joins this process's standard streams and terminal to a program in the guest.

import type { ExitStatus, GuestProcess } from "@hearth/platform";
import { copy } from "../../terminal/output.ts";
import { rawMode, terminalSize } from "../../terminal/raw-mode.ts";

export interface Attachment {
  readonly hasStdin: boolean;
  readonly isTty: boolean;
}

/** Resolves when the program has ended and all its output has been written. */
export async function attach(program: GuestProcess, attachment: Attachment): Promise<ExitStatus> {
  using _terminal = attachment.isTty ? rawMode() : undefined;
  const onResize = () => program.resize(terminalSize());
  if (attachment.isTty) process.stdout.on("resize", onResize);
  if (attachment.hasStdin) void feed(program);
  try {
    const [status] = await Promise.all([
      program.exited,
      copy(program.stdout, process.stdout),
      copy(program.stderr, process.stderr),
    ]);
    return status;
  } finally {
    process.stdout.off("resize", onResize);
    process.stdin.pause();
  }
}

/** Ends with standard input, or when the program reads no more. A standard input that cannot be read is an empty one. */
async function feed(program: GuestProcess): Promise<void> {
  try {
    for await (const chunk of process.stdin) if (!(await program.stdin.write(chunk as Buffer))) return;
  } catch {
    // As if it had ended.
  }
  await program.stdin.end();
}
