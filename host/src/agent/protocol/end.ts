// END, the last frame of every channel (docs/agent-protocol.md, "END"), and what its failures mean to a caller.

import { getSystemErrorName } from "node:util";
import { HearthError } from "@hearth/machine/errors";
import { malformed, PayloadReader } from "./wire.ts";

/** How a channel ended. */
export type End =
  | { readonly kind: "done"; readonly result: Uint8Array }
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "signaled"; readonly signal: number }
  | { readonly kind: "failed"; readonly stage: number; readonly errno: number; readonly text: string }
  | { readonly kind: "cancelled" };

/** Stages of failure. */
const Stage = { Request: 1, User: 2, Directory: 3, Program: 4, Resources: 5, File: 6 } as const;
const ENOENT = 2;
const ENOTDIR = 20;

/** Throws HearthError agent.protocol. */
export function decodeEnd(payload: Uint8Array): End {
  const reader = new PayloadReader(payload);
  const kind = reader.u8();
  const stage = reader.u8();
  reader.u16();
  const value = reader.i32();
  switch (kind) {
    case 0:
      return { kind: "done", result: reader.rest() };
    case 1:
      if (value < 0 || value > 255) throw malformed(`exit code ${value}`);
      return { kind: "exited", exitCode: value };
    case 2:
      if (value < 1 || value > 64) throw malformed(`signal ${value}`);
      return { kind: "signaled", signal: value };
    case 3:
      return { kind: "failed", stage, errno: value, text: new TextDecoder().decode(reader.rest()) };
    case 4:
      return { kind: "cancelled" };
    default:
      throw malformed(`an end of kind ${kind}`);
  }
}

/** ENOENT for 2, and so on; the number where the host has no name for it. */
export function errnoName(errno: number): string {
  if (errno <= 0 || errno > 4095) return `errno ${errno}`;
  const name = getSystemErrorName(-errno);
  return name.startsWith("Unknown") ? `errno ${errno}` : name;
}

/** Exit code a command line ends with when its program could not be started, by the stage that failed. */
function exitCodeOf(stage: number, errno: number): number {
  if (stage !== Stage.Program) return 125;
  return errno === ENOENT || errno === ENOTDIR ? 127 : 126;
}

/** A program that could not be started: exec.not-found, .not-executable, .user, .directory, .resources or .request. */
export function execError(program: string, end: End & { kind: "failed" }): HearthError {
  const exitCode = exitCodeOf(end.stage, end.errno);
  const name = errnoName(end.errno);
  const details = { errno: end.errno, errnoName: name, exitCode };
  switch (end.stage) {
    case Stage.Program:
      return exitCode === 127
        ? new HearthError("exec.not-found", `${program}: command not found in the guest.`, { details })
        : new HearthError("exec.not-executable", `${program}: cannot be executed in the guest (${name}).`, {
            details,
          });
    case Stage.User:
      return new HearthError(
        "exec.user",
        `The guest cannot run programs as that user: ${end.text} (${name}).`,
        {
          details,
        },
      );
    case Stage.Directory:
      return new HearthError(
        "exec.directory",
        `The working directory cannot be used: ${end.text} (${name}).`,
        {
          details,
        },
      );
    case Stage.Resources:
      return new HearthError(
        "exec.resources",
        `The guest has no room for the program: ${end.text} (${name}).`,
        {
          details,
        },
      );
    default:
      return new HearthError(
        "exec.request",
        `The guest's agent refused the request: ${end.text} (${name}).`,
        {
          details,
        },
      );
  }
}

const FILE_CODES: Readonly<Record<string, string>> = {
  ENOENT: "file.not-found",
  EEXIST: "file.exists",
  EACCES: "file.permission",
  EPERM: "file.permission",
  ENOTDIR: "file.not-a-directory",
  EISDIR: "file.is-a-directory",
  ENOTEMPTY: "file.not-empty",
  ENOSPC: "file.no-space",
  EROFS: "file.read-only",
};

/** A file operation that failed in the guest. `action` reads as a verb, for example "read". */
export function fileError(action: string, path: string, end: End & { kind: "failed" }): HearthError {
  const name = errnoName(end.errno);
  return new HearthError(
    FILE_CODES[name] ?? "file.failed",
    `Cannot ${action} ${path} in the guest: ${name}.`,
    {
      details: { errno: end.errno, errnoName: name, path },
    },
  );
}
