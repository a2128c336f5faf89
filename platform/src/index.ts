// @hearth/platform: microVMs for programs. `Machine.start()` is where to begin.

export { HearthError } from "@hearth/machine/errors";
export type {
  AgentInfo,
  ExitStatus,
  FileEntry,
  GuestFiles,
  GuestProcess,
  SignalName,
  SpawnOptions,
  TerminalSize,
  WriteOptions,
} from "@hearth/host";
export { ExecResult, type ExecOptions } from "./vmm/library/exec.ts";
export type { GuestConsole } from "./vmm/console/guest-console.ts";
export { Machine } from "./vmm/library/machine.ts";
export type { MachineEnd } from "./vmm/library/machine-end.ts";
export type { DiskOptions, MachineOptions } from "./vmm/specification/specification.ts";
