// Run a program in the guest and wait for it: the convenience over GuestProcess that most callers want.

import { collect, type GuestProcess, type SpawnOptions } from "@hearth/host";
import { HearthError } from "@hearth/machine/errors";

/** SpawnOptions and what concerns a whole run. */
export interface ExecOptions extends SpawnOptions {
  /** Fed to its standard input, which then ends. Without it the program reads /dev/null. */
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** The program is killed and exec.timeout thrown after so long. */
  readonly timeoutMs?: number;
  /** The program is killed and the signal's reason thrown. */
  readonly signal?: AbortSignal;
}

/** What a program left behind. */
export class ExecResult {
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
  /** 0 to 255; 128 + n when signal n ended it. */
  readonly exitCode: number;
  readonly signal: string | undefined;

  constructor(stdout: Uint8Array, stderr: Uint8Array, exitCode: number, signal: string | undefined) {
    this.stdoutBytes = stdout;
    this.stderrBytes = stderr;
    this.exitCode = exitCode;
    this.signal = signal;
  }

  /** Standard output as UTF-8. */
  get stdout(): string {
    return new TextDecoder().decode(this.stdoutBytes);
  }

  get stderr(): string {
    return new TextDecoder().decode(this.stderrBytes);
  }
}

/** Sees a started program through to its end. Throws HearthError exec.timeout, output.too-large or the connection's. */
export async function finish(program: GuestProcess, options: ExecOptions): Promise<ExecResult> {
  const interrupted = Promise.withResolvers<never>();
  interrupted.promise.catch(() => {});
  const interrupt = (reason: unknown) => {
    program.cancel();
    interrupted.reject(reason);
  };
  const onAbort = () => interrupt(options.signal?.reason);
  options.signal?.addEventListener("abort", onAbort, { once: true });
  if (options.signal?.aborted === true) onAbort();
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => interrupt(timeout(options)), options.timeoutMs);
  try {
    return await Promise.race([interrupted.promise, communicate(program, options.stdin)]);
  } catch (error) {
    program.cancel();
    throw error;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
  }
}

async function communicate(program: GuestProcess, stdin: ExecOptions["stdin"]): Promise<ExecResult> {
  const fed = feed(program, stdin);
  fed.catch(() => program.cancel());
  const [stdout, stderr, status] = await Promise.all([
    collect(program.stdout),
    collect(program.stderr),
    program.exited,
  ]);
  // A source that never ends must not keep a finished program: its failure counts only if it came first.
  await Promise.race([fed, Promise.resolve()]);
  return new ExecResult(stdout, stderr, status.exitCode, status.signal);
}

async function feed(program: GuestProcess, stdin: ExecOptions["stdin"]): Promise<void> {
  if (stdin === undefined) return;
  if (typeof stdin === "string") await program.stdin.write(new TextEncoder().encode(stdin));
  else if (stdin instanceof Uint8Array) await program.stdin.write(stdin);
  else for await (const chunk of stdin) if (!(await program.stdin.write(chunk))) return;
  await program.stdin.end();
}

function timeout(options: ExecOptions): HearthError {
  return new HearthError("exec.timeout", `The program was still running after ${options.timeoutMs} ms.`);
}
