// How the main thread wakes a runner that sleeps. Long sleeps wait in the event loop, where messages arrive by
// themselves; short ones block the thread on a shared word, because event-loop timers are no finer than a millisecond.

/** Longest sleep spent blocked: what arrives meanwhile waits only for the ring. */
const BLOCKING_MS = 1.5;

/** The ringing side. */
export class Doorbell {
  readonly shared = new SharedArrayBuffer(4);
  readonly #word = new Int32Array(this.shared);

  /** Call after posting a message. */
  ring(): void {
    Atomics.add(this.#word, 0, 1);
    Atomics.notify(this.#word, 0);
  }
}

/** The sleeping side, in the runner's thread. */
export class Sleeper {
  readonly #word: Int32Array;
  #wake: (() => void) | undefined;
  #isAwake = false;
  /** While true, something is to arrive through the event loop, so no sleep blocks the thread. */
  needsEventLoop: () => boolean = () => false;

  constructor(shared: SharedArrayBuffer) {
    this.#word = new Int32Array(shared);
  }

  /** Ends the present sleep, or the next one before it begins. Called by whatever handles an event in this thread. */
  wake(): void {
    this.#isAwake = true;
    this.#wake?.();
  }

  /** Lets waiting messages and completed I/O be handled. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** Until `wake`, or about `ms` (may be Infinity) have passed. */
  async sleep(ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    const seen = Atomics.load(this.#word, 0);
    await this.turn();
    if (!this.#isAwake && ms > BLOCKING_MS) await this.#sleepInEventLoop(ms - 1);
    const left = deadline - performance.now();
    if (!this.#isAwake && left > 0.01 && this.needsEventLoop()) {
      await this.#sleepInEventLoop(left);
    } else if (!this.#isAwake && left > 0.01) {
      Atomics.wait(this.#word, 0, seen, Math.min(left, BLOCKING_MS));
      await this.turn();
    }
    this.#isAwake = false;
  }

  #sleepInEventLoop(ms: number): Promise<void> {
    return new Promise((resolve) => {
      // Without a deadline the port to the main thread alone keeps the thread alive.
      const done = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = Number.isFinite(ms) ? setTimeout(done, Math.min(Math.floor(ms), 2 ** 31 - 1)) : undefined;
      this.#wake = done;
    });
  }
}
