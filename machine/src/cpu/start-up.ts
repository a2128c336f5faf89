// Start of application processors (Intel SDM vol. 3A, 9.4): INIT puts a processor into its wait for a start-up message, which
// names the page where it begins in real mode. Start-up messages are ignored in every other state.

import { type ChipState, openState } from "../snapshot/chip-state.ts";

const STATE_KIND = "start-up";
const STATE_VERSION = 1;
const PHASES = ["started", "waiting", "called"] as const;

export class StartUp {
  /** "called": a start-up message has come, and the processor has not run since. */
  #phase: (typeof PHASES)[number];
  #page = 0;

  /** Power-on: the boot processor runs, all others wait. */
  constructor(isBootProcessor: boolean) {
    this.#phase = isBootProcessor ? "started" : "waiting";
  }

  get isWaiting(): boolean {
    return this.#phase === "waiting";
  }

  init(): void {
    this.#phase = "waiting";
  }

  call(page: number): void {
    if (this.#phase !== "waiting") return;
    this.#phase = "called";
    this.#page = page & 0xff;
  }

  /** The page to begin at, once for each start; undefined when there is none to be carried out. */
  take(): number | undefined {
    if (this.#phase !== "called") return undefined;
    this.#phase = "started";
    return this.#page;
  }

  state(): ChipState {
    const data = { phase: PHASES.indexOf(this.#phase), page: this.#page };
    return { kind: STATE_KIND, version: STATE_VERSION, data };
  }

  restore(state: ChipState): void {
    const fields = openState(state, STATE_KIND, STATE_VERSION);
    this.#phase = PHASES[fields.integer("phase", PHASES.length - 1)] ?? "waiting";
    this.#page = fields.integer("page", 0xff);
  }
}
