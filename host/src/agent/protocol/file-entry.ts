// What STAT and LIST say about a file (docs/agent-protocol.md, "Entry").

import type { PayloadReader } from "./wire.ts";

/** One file in the guest. */
export interface FileEntry {
  /** "" from `stat`. */
  readonly name: string;
  readonly kind:
    | "file"
    | "directory"
    | "symlink"
    | "character-device"
    | "block-device"
    | "fifo"
    | "socket"
    | "unknown";
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly sizeBytes: number;
  /** Milliseconds since 1970, with a fraction. */
  readonly modifiedMs: number;
  /** "" if it is no symbolic link. */
  readonly linkTarget: string;
}

const KINDS: Readonly<Record<number, FileEntry["kind"]>> = {
  0o01: "fifo",
  0o02: "character-device",
  0o04: "directory",
  0o06: "block-device",
  0o10: "file",
  0o12: "symlink",
  0o14: "socket",
};

/** Throws HearthError agent.protocol when the payload ends too early. */
export function decodeEntry(reader: PayloadReader): FileEntry {
  const mode = reader.u32();
  const uid = reader.u32();
  const gid = reader.u32();
  const links = reader.u32();
  const sizeBytes = Number(reader.u64());
  const modifiedMs = Number(reader.i64()) / 1e6;
  const name = reader.text();
  const linkTarget = reader.text();
  const kind = KINDS[(mode >> 12) & 0o17] ?? "unknown";
  return { name, kind, mode: mode & 0o7777, uid, gid, links, sizeBytes, modifiedMs, linkTarget };
}
