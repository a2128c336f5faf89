// Counts what the soak has done, and says so.

import type { Job } from "./jobs.ts";
import type { Answer } from "./native-twin.ts";

interface Line {
  count: number;
  wrong: number;
  guestSeconds: number;
  nativeSeconds: number;
}

/** Characters of an answer shown in the report of a wrong one. */
const SHOWN_CHARACTERS = 600;

export class SoakTally {
  /** What was wrong, each in one paragraph. */
  readonly problems: string[] = [];
  readonly #byJob = new Map<string, Line>();

  /** Counts an answer; it is right when it is the native one. */
  add(job: Job, guest: Answer, native: Answer): void {
    const line = this.#byJob.get(job.name) ?? { count: 0, wrong: 0, guestSeconds: 0, nativeSeconds: 0 };
    this.#byJob.set(job.name, line);
    line.count++;
    line.guestSeconds += guest.seconds;
    line.nativeSeconds += native.seconds;
    if (guest.exitCode === native.exitCode && guest.output === native.output) return;
    line.wrong++;
    this.problems.push(`${job.name} with seed ${job.seed} is wrong\n${difference(guest, native)}`);
  }

  /** A table of the jobs. */
  summary(): string {
    const rows = [...this.#byJob].toSorted().map(([name, line]) => {
      const { count, wrong, guestSeconds, nativeSeconds } = line;
      const seconds = (total: number) => `${(total / count).toFixed(2)} s`.padStart(10);
      return `${name.padEnd(10)}${`${count}`.padStart(6)}${`${wrong}`.padStart(7)}${seconds(guestSeconds)}${seconds(nativeSeconds)}`;
    });
    return ["job         runs  wrong     guest    native", ...rows].join("\n");
  }

  /** Jobs that were run. */
  get count(): number {
    return [...this.#byJob.values()].reduce((sum, { count }) => sum + count, 0);
  }
}

/** From the first line that differs on. */
function difference(guest: Answer, native: Answer): string {
  const guestLines = guest.output.split("\n");
  const nativeLines = native.output.split("\n");
  const first = nativeLines.findIndex((line, index) => line !== guestLines[index]);
  const from = first < 0 ? nativeLines.length : first;
  const show = (lines: string[], { exitCode }: Answer) =>
    `(exit code ${exitCode}, line ${from + 1}) ${lines.slice(from).join("\n").slice(0, SHOWN_CHARACTERS)}`;
  return `  guest  ${show(guestLines, guest)}\n  native ${show(nativeLines, native)}`;
}
