// Reads along with the guest's console: keeps its last lines and notices a kernel panic (kernel/panic.c). A panic is
// believed once the kernel says it is over ("---[ end Kernel panic") or the machine resets after it; a program that
// merely prints the words does not end a machine.

/** Lines kept for messages. */
export const KEPT_LINES = 40;
const MAX_LINE_CHARS = 400;
const PANIC = /^(?:\[[ \d.]+\](?:\[[^\]]*\])? )?Kernel panic - not syncing: ?(.*)$/;
const PANIC_OVER = /^(?:\[[ \d.]+\](?:\[[^\]]*\])? )?---\[ end Kernel panic/;
const LINE_FEED = 0x0a;

/** Feed it all output; ask it when the machine ends. */
export class ConsoleWatch {
  readonly #lines: string[] = [];
  #partial = "";
  #panic: string | undefined;
  #isOver = false;
  readonly #decoder = new TextDecoder();

  push(bytes: Uint8Array): void {
    if (bytes.indexOf(LINE_FEED) < 0) {
      this.#append(this.#decoder.decode(bytes, { stream: true }));
      return;
    }
    const [first, ...rest] = this.#decoder.decode(bytes, { stream: true }).split("\n");
    this.#append(first as string);
    for (const text of rest) {
      this.#endLine();
      this.#append(text);
    }
  }

  /** The panic's own message once the words were seen; believe it when the machine resets or `isPanicOver`. */
  get panicMessage(): string | undefined {
    return this.#panic;
  }

  /** The kernel has finished its report and will do nothing more. */
  get isPanicOver(): boolean {
    return this.#isOver;
  }

  /** The last lines, oldest first, an unfinished one included, without carriage returns and escape sequences. */
  lines(): string[] {
    const partial = clean(this.#partial);
    return partial === "" ? [...this.#lines] : [...this.#lines, partial].slice(-KEPT_LINES);
  }

  #append(text: string): void {
    if (this.#partial.length < MAX_LINE_CHARS) this.#partial += text.slice(0, MAX_LINE_CHARS);
  }

  #endLine(): void {
    const line = clean(this.#partial);
    this.#partial = "";
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    if (this.#panic === undefined) this.#panic = PANIC.exec(line)?.[1];
    else if (PANIC_OVER.test(line)) this.#isOver = true;
  }
}

function clean(line: string): string {
  return line.replace(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]/g, "");
}
