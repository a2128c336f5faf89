// One line on standard error that shows that something is going on, only where a person can see it.

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const EVERY_MS = 100;
/** What is over sooner needs no explanation. */
const SHOW_AFTER_MS = 200;

/** Shown from its creation to its disposal. */
export class Progress implements Disposable {
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #startMs = performance.now();
  #text: string;
  #frame = 0;
  #isShown = false;

  constructor(text: string) {
    this.#text = text;
    if (process.stderr.isTTY) this.#timer = setInterval(() => this.#draw(), EVERY_MS).unref();
  }

  update(text: string): void {
    this.#text = text;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#isShown) process.stderr.write("\r\x1b[K");
    this.#isShown = false;
  }

  #draw(): void {
    const elapsedMs = performance.now() - this.#startMs;
    if (elapsedMs < SHOW_AFTER_MS) return;
    this.#isShown = true;
    const frame = FRAMES[this.#frame++ % FRAMES.length];
    process.stderr.write(`\r\x1b[K${frame} ${this.#text} ${(elapsedMs / 1000).toFixed(1)} s`);
  }
}
