// New translations go to the folder together: a process may end at any time, and a file for each would be many. The first are saved
// soon, later ones at longer intervals.

import type { KeptModule } from "../translation/kept-module.ts";
import type { TranslationFolder } from "./translation-folder.ts";

const FIRST_SAVE_AFTER_MS = 400;
const MAX_SAVE_AFTER_MS = 6400;
/** Waiting takes memory: not more than about this much. */
const MAX_UNSAVED_BYTES = 2 * 1024 * 1024;

export class TranslationKeeper {
  readonly #folder: Pick<TranslationFolder, "save">;
  #unsaved: KeptModule[] = [];
  #unsavedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #afterMs = FIRST_SAVE_AFTER_MS;

  constructor(folder: Pick<TranslationFolder, "save">) {
    this.#folder = folder;
  }

  keep(module: KeptModule): void {
    this.#unsaved.push(module);
    this.#unsavedBytes += module.wasm.length + module.machineCode.length + module.regions.length;
    if (this.#unsavedBytes >= MAX_UNSAVED_BYTES) {
      this.flush();
      return;
    }
    this.#timer ??= setTimeout(() => this.#saveAndSlowDown(), this.#afterMs);
  }

  #saveAndSlowDown(): void {
    this.#afterMs = Math.min(2 * this.#afterMs, MAX_SAVE_AFTER_MS);
    this.flush();
  }

  /** Saves at once what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#unsaved.length === 0) return;
    const modules = this.#unsaved;
    this.#unsaved = [];
    this.#unsavedBytes = 0;
    this.#folder.save(modules);
  }
}
