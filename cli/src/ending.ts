// What may end a command from outside: Ctrl-C and the other signals, and --timeout. One abort signal carries them; while
// a program runs in the guest, signals go to it instead.

import { constants } from "node:os";
import { ExitCode } from "./exit-codes.ts";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
export type ForwardedSignal = (typeof FORWARDED)[number];
/** This many Ctrl-C in a row end a command whose program in the guest does not care. */
const INSISTENT = 3;
const INSISTENT_MS = 2000;

/** The command ends because somebody outside wants it to; `message` is empty where nothing needs saying. */
export class EndedFromOutside extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Catches signals from its creation to its disposal. */
export class Ending implements Disposable {
  readonly #controller = new AbortController();
  readonly #ended: Promise<never>;
  readonly #timer: NodeJS.Timeout | undefined;
  #forward: ((signal: ForwardedSignal) => void) | undefined;
  #lastMs = 0;
  #inARow = 0;

  constructor(timeoutMs?: number) {
    this.#ended = new Promise((_, reject) => {
      this.signal.addEventListener("abort", () => reject(this.signal.reason));
    });
    this.#ended.catch(() => {});
    for (const signal of FORWARDED) process.on(signal, this.#onSignal);
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#timeOut(timeoutMs), timeoutMs);
  }

  /** Aborts when the command should end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on signals are the program's affair. */
  forwardTo(forward: (signal: ForwardedSignal) => void): void {
    this.#forward = forward;
  }

  /** Settles as `work` does, or rejects with EndedFromOutside. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([this.#ended, work]);
  }

  end(exitCode: number, message = ""): void {
    this.#controller.abort(new EndedFromOutside(exitCode, message));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const signal of FORWARDED) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now();
    this.#inARow = nowMs - this.#lastMs < INSISTENT_MS ? this.#inARow + 1 : 1;
    this.#lastMs = nowMs;
    if (this.#forward !== undefined && this.#inARow < INSISTENT) this.#forward(signal as ForwardedSignal);
    else this.end(ExitCode.SignalBase + constants.signals[signal]);
  };

  #timeOut(timeoutMs: number): void {
    this.end(ExitCode.Timeout, `not finished after ${timeoutMs / 1000} s (guest.timeout)`);
  }
}
