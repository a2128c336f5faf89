// @hearth/host: what a machine needs of the computer it runs on.

export { AgentClient } from "./agent/agent-client.ts";
export { collect } from "./agent/byte-queue.ts";
export { type ByteStream, socketStream } from "./agent/byte-stream.ts";
export type { FileEntry } from "./agent/protocol/file-entry.ts";
export { GuestFiles, type WriteOptions } from "./agent/guest-files.ts";
export {
  type ExitStatus,
  GuestProcess,
  type SpawnOptions,
  type TerminalSize,
} from "./agent/guest-process.ts";
export type { AgentInfo } from "./agent/protocol/hello.ts";
export { type SignalName, signalName, signalNumber } from "./agent/protocol/signals.ts";
export type { DiskMode, HostDisk } from "./disk/host-disk.ts";
export { openDisk, type OpenDiskOptions } from "./disk/open-disk.ts";
export { fillRandom } from "./random.ts";
