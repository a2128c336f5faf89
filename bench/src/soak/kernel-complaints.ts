// Reads a guest's console for what its kernel says only when something is wrong.

const COMPLAINT = new RegExp(
  [
    String.raw`\bBUG\b`,
    String.raw`\bWARNING:`,
    "Oops",
    "soft lockup",
    "hard LOCKUP",
    "stall",
    "hung task|blocked for more than",
    "segfault at",
    String.raw`general protection|traps: `,
    "invalid opcode",
    "double fault",
    "unable to handle",
    "Call Trace",
    "Kernel panic",
    "Out of memory|oom-kill|invoked oom-killer",
    "I/O error|EXT4-fs error|EXT4-fs warning|JBD2: error",
    "nobody cared",
    "corrupt",
    "[Mm]arking .*unstable",
  ].join("|"),
);
/** Kept with a complaint, which rarely comes alone. */
const LINES_AFTER = 40;

/** Feed it the console's text as it arrives. */
export class KernelComplaints {
  /** Every complaint with the lines after it. */
  readonly lines: string[] = [];
  #count = 0;
  #rest = "";
  #linesToKeep = 0;

  /** Complaints so far. */
  get count(): number {
    return this.#count;
  }

  feed(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#take(line.trimEnd());
  }

  #take(line: string): void {
    if (COMPLAINT.test(line)) {
      this.#count++;
      this.#linesToKeep = LINES_AFTER;
    }
    if (this.#linesToKeep-- > 0 && this.lines.length < LINES_AFTER * 10) this.lines.push(line);
  }
}
