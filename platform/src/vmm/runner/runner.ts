// The life of one microVM in its thread: run a slice, serve what happened, sleep when the guest sleeps. Everything it
// touches is handed in, so that it can be tested without an engine, a thread or a clock.

import { HearthError } from "@hearth/machine/errors";
import { ConsoleWatch } from "../console/console-watch.ts";
import type { PlainEnd } from "./messages.ts";
import { flattenError } from "./messages.ts";
import { SliceBudget } from "./slice-budget.ts";

/** How a slice ended: used up or cut short · waiting for an event · for ever without one · … */
export type Step = "budget" | "ran" | "idle" | "dead" | "power-off" | "reset" | "failed";

/** What the runner needs of a machine. */
export interface RunnableMachine {
  /** Runs guest code for about `budget` units of the engine; timers that are due are fired first. */
  step(budget: number): Step;
  /** Milliseconds to the next timer: zero or less when due, Infinity when none is armed. */
  untilDueMs(): number;
  /** What the guest wrote to its console since the last call; undefined when nothing. */
  takeConsole(): Uint8Array | undefined;
  /** Registers and the like, for a report after "failed". */
  describe(): string;
}

/** What the runner needs of its thread. */
export interface RunnerThread {
  nowMs(): number;
  /** Lets messages and completed I/O be handled. */
  turn(): Promise<void>;
  /** Until woken, or about `ms` (may be Infinity) have passed. */
  sleep(ms: number): Promise<void>;
  sendConsole(bytes: Uint8Array): void;
}

/** Console output under way to a slow reader at which the guest is held back. */
const CONSOLE_HIGH_BYTES = 1 << 20;
/** Without a pause for I/O at least this often, messages would wait behind a busy guest. */
const TURN_EVERY_MS = 2;

/** One run of one machine. */
export class Runner {
  readonly #machine: RunnableMachine;
  readonly #thread: RunnerThread;
  readonly #watch = new ConsoleWatch();
  readonly #budget = new SliceBudget();
  #unconsumedBytes = 0;
  #isStopped = false;

  constructor(machine: RunnableMachine, thread: RunnerThread) {
    this.#machine = machine;
    this.#thread = thread;
  }

  /** Ends the run at the next opportunity; wake the thread as well. */
  stop(): void {
    this.#isStopped = true;
  }

  /** The reader of the console has taken so many bytes. */
  consoleTaken(sizeBytes: number): void {
    this.#unconsumedBytes = Math.max(0, this.#unconsumedBytes - sizeBytes);
  }

  /** Runs the guest to its end. Never rejects. */
  async run(): Promise<PlainEnd> {
    try {
      for (;;) {
        if (this.#isStopped) return this.#end("stopped");
        if (this.#unconsumedBytes >= CONSOLE_HIGH_BYTES) {
          await this.#thread.sleep(Number.POSITIVE_INFINITY);
          continue;
        }
        const end = await this.#slice();
        if (end !== undefined) return end;
      }
    } catch (error) {
      return { reason: "failed", console: this.#watch.lines(), error: flattenError(error) };
    }
  }

  async #slice(): Promise<PlainEnd | undefined> {
    const step = this.#runUntilTurn();
    if (this.#watch.isPanicOver) return this.#panicked();
    switch (step) {
      case "power-off":
        return this.#end("power-off");
      case "dead":
        return this.#watch.panicMessage === undefined ? this.#end("power-off") : this.#panicked();
      case "reset":
        return this.#watch.panicMessage === undefined ? this.#end("reset") : this.#panicked();
      case "failed":
        return this.#failed();
      case "idle":
        await this.#thread.sleep(this.#machine.untilDueMs());
        return undefined;
      default:
        await this.#thread.turn();
        return undefined;
    }
  }

  /** Runs slices until something other than time is needed, or I/O should have its turn. */
  #runUntilTurn(): Step {
    const startMs = this.#thread.nowMs();
    let nowMs = startMs;
    for (;;) {
      const budget = this.#budget.next();
      const step = this.#machine.step(budget);
      const endMs = this.#thread.nowMs();
      if (step === "budget") this.#budget.learn(budget, endMs - nowMs);
      this.#sendConsole();
      nowMs = endMs;
      const isRunning =
        step === "budget" || step === "ran" || (step === "idle" && this.#machine.untilDueMs() <= 0);
      if (!isRunning || nowMs - startMs >= TURN_EVERY_MS) return step;
    }
  }

  #sendConsole(): void {
    const bytes = this.#machine.takeConsole();
    if (bytes === undefined) return;
    this.#watch.push(bytes);
    this.#unconsumedBytes += bytes.length;
    this.#thread.sendConsole(bytes);
  }

  #panicked(): PlainEnd {
    return { reason: "panic", message: this.#watch.panicMessage ?? "", console: this.#watch.lines() };
  }

  #failed(): PlainEnd {
    const error = new HearthError(
      "engine.failure",
      "The engine stopped with an internal error; the machine is lost.",
      {
        details: { state: this.#machine.describe() },
      },
    );
    return { reason: "failed", console: this.#watch.lines(), error: flattenError(error) };
  }

  #end(reason: "power-off" | "reset" | "stopped"): PlainEnd {
    return { reason, console: this.#watch.lines() };
  }
}
