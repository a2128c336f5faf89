// Reads what the workload prints on its console: `@@ NAME start` and `@@ NAME end` around each program, a line
// `sum=HEX` with its checksum between them (gzip: a bare number), `@@ boot end` as the first line of init and
// `@@ all end` as the last. Times are taken here, on the host: the guest's clock may be what is wrong.

export interface ProgramResult {
  readonly seconds: number;
  /** Undefined when the program printed none. */
  readonly checksum: string | undefined;
}

const MARK = /@@ (\S+) (start|end)/;
/** Kept of the console for the message when a peer does not finish. */
const TAIL_CHARACTERS = 1500;

/** Feed it the console's text as it arrives. */
export class GuestOutput {
  readonly programs = new Map<string, ProgramResult>();
  /** Milliseconds by the caller's clock of the first line of init. */
  bootedAtMs: number | undefined;
  isFinished = false;
  tail = "";
  #line = "";
  #running: { readonly name: string; readonly startMs: number; checksum: string | undefined } | undefined;

  /** `nowMs` is when `text` arrived. Returns the programs that ended in it. */
  feed(text: string, nowMs: number): string[] {
    this.tail = (this.tail + text).slice(-TAIL_CHARACTERS);
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop() ?? "";
    return lines.flatMap((line) => this.#take(line.replaceAll("\r", ""), nowMs) ?? []);
  }

  #take(line: string, nowMs: number): string | undefined {
    const [, name = "", edge] = MARK.exec(line) ?? [];
    if (edge === undefined) this.#readChecksum(line);
    else if (edge === "start") this.#running = { name, startMs: nowMs, checksum: undefined };
    else if (name === "boot") this.bootedAtMs = nowMs;
    else if (name === "all") this.isFinished = true;
    else return this.#end(name, nowMs);
    return undefined;
  }

  #readChecksum(line: string): void {
    if (this.#running === undefined) return;
    const checksum = /sum=(\w+)/.exec(line)?.[1] ?? /^\d+$/.exec(line.trim())?.[0];
    if (checksum !== undefined) this.#running.checksum = checksum;
  }

  #end(name: string, nowMs: number): string | undefined {
    const running = this.#running;
    this.#running = undefined;
    if (running?.name !== name) return undefined;
    this.programs.set(name, { seconds: (nowMs - running.startMs) / 1000, checksum: running.checksum });
    return name;
  }
}
