// --disk FILE[:ro|:rw].

/** A disk as the command line names it. */
export interface DiskArgument {
  readonly path: string;
  readonly mode: "read-only" | "read-write" | "copy-on-write";
}

const MODES: Readonly<Record<string, DiskArgument["mode"]>> = { ro: "read-only", rw: "read-write" };

/** Without a suffix the guest writes to a private copy that is thrown away. Throws SyntaxError. */
export function parseDisk(text: string): DiskArgument {
  const match = /^(.*):(ro|rw)$/s.exec(text);
  const path = match?.[1] ?? text;
  if (path === "") throw new SyntaxError("a disk needs a file: FILE, FILE:ro or FILE:rw");
  return { path, mode: MODES[match?.[2] ?? ""] ?? "copy-on-write" };
}
