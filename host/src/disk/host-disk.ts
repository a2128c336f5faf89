// A virtual disk on the host: what a virtio block device reads and writes, plus the life of its files.

import type { BlockBackend } from "@hearth/machine";

/** How a disk file is used: never written · written in place · written to a private copy that is thrown away. */
export type DiskMode = "read-only" | "read-write" | "copy-on-write";

/** An open disk. */
export interface HostDisk extends BlockBackend {
  readonly path: string;
  readonly mode: DiskMode;
  /** What the operator should hear about, one sentence each. */
  readonly warnings: readonly string[];
  /** Waits for operations under way and lets go of the files. */
  close(): Promise<void>;
}
