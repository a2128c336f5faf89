// A program in the guest (docs/agent-protocol.md, "EXEC"): the request, and the handle on what it started.

import type { AgentConnection } from "./agent-connection.ts";
import type { Channel } from "./channel.ts";
import { type End, execError } from "./protocol/end.ts";
import { FrameType } from "./protocol/frame.ts";
import type { InputStream } from "./input-stream.ts";
import { type SignalName, signalName, signalNumber } from "./protocol/signals.ts";
import { PayloadWriter } from "./protocol/wire.ts";

/** How to run a program. */
export interface SpawnOptions {
  /** Added to the guest's defaults (PATH, HOME, USER, …), or all there is with `isEnvComplete`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly isEnvComplete?: boolean;
  /** Working directory; the user's home if absent. */
  readonly cwd?: string;
  /** `name`, `uid`, `name:group` or `uid:gid` as the guest knows them; root if absent. */
  readonly user?: string;
  /** Give it a terminal of this size; standard error then arrives on standard output. */
  readonly pty?: TerminalSize;
  /** Connect its standard input to `stdin`; otherwise it reads /dev/null. A terminal always does. */
  readonly hasStdin?: boolean;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** How a program ended. */
export interface ExitStatus {
  /** 0 to 255; 128 + n when signal n ended it. */
  readonly exitCode: number;
  /** The signal that ended it, for example "SIGKILL". */
  readonly signal: string | undefined;
}

const Flag = { Terminal: 1, Stdin: 2, CompleteEnvironment: 4 } as const;

/** A program that has started. Read both outputs, or a program that writes much will wait. */
export class GuestProcess {
  readonly pid: number;
  readonly stdin: InputStream;
  readonly stdout: AsyncIterable<Uint8Array>;
  /** Empty with a terminal. */
  readonly stderr: AsyncIterable<Uint8Array>;
  /** Rejects with HearthError when the connection is lost first. */
  readonly exited: Promise<ExitStatus>;
  readonly #channel: Channel;

  constructor(channel: Channel, pid: number, program: string) {
    this.#channel = channel;
    this.pid = pid;
    this.stdin = channel.input;
    this.stdout = channel.output.queue;
    this.stderr = channel.errors.queue;
    this.exited = channel.ended.then((end) => exitStatus(end, program));
    this.exited.catch(() => {});
  }

  /** Sends a signal to its process group (with a terminal: to the foreground group). */
  kill(signal: SignalName | number = "SIGTERM"): void {
    this.#channel.signal(typeof signal === "number" ? signal : signalNumber(signal));
  }

  resize(size: TerminalSize): void {
    this.#channel.resize(size.rows, size.columns);
  }

  /** SIGKILL to its process group; output on the way is dropped. */
  cancel(): void {
    this.#channel.cancel();
  }
}

/** Starts `argv` in the guest. Throws HearthError exec.not-found, exec.not-executable, exec.user, … (see protocol/end.ts). */
export async function spawnInGuest(
  connection: AgentConnection,
  argv: readonly string[],
  options: SpawnOptions,
): Promise<GuestProcess> {
  const program = argv[0] ?? "";
  const channel = connection.request(FrameType.Exec, encodeExec(argv, options));
  try {
    return new GuestProcess(channel, await channel.started, program);
  } catch {
    exitStatus(await channel.ended, program);
    throw new Error("unreachable: a program ended without having started");
  }
}

function exitStatus(end: End, program: string): ExitStatus {
  switch (end.kind) {
    case "exited":
      return { exitCode: end.exitCode, signal: undefined };
    case "signaled":
      return { exitCode: 128 + end.signal, signal: signalName(end.signal) };
    case "cancelled":
      return { exitCode: 128 + signalNumber("SIGKILL"), signal: "SIGKILL" };
    case "failed":
      throw execError(program, end);
    case "done":
      throw execError(program, {
        kind: "failed",
        stage: 0,
        errno: 0,
        text: "a result that is no exit status",
      });
  }
}

function encodeExec(argv: readonly string[], options: SpawnOptions): Uint8Array {
  const writer = new PayloadWriter();
  let flags = 0;
  if (options.pty !== undefined) flags |= Flag.Terminal;
  if (options.hasStdin === true) flags |= Flag.Stdin;
  if (options.isEnvComplete === true) flags |= Flag.CompleteEnvironment;
  writer
    .u32(flags)
    .u16(options.pty?.rows ?? 0)
    .u16(options.pty?.columns ?? 0);
  writer.text(options.user ?? "").text(options.cwd ?? "");
  writer.u32(argv.length);
  for (const argument of argv) writer.text(argument);
  const env = Object.entries(options.env ?? {});
  writer.u32(env.length);
  for (const [name, value] of env) writer.text(`${name}=${value}`);
  return writer.finish();
}
