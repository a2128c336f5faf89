// New translations go to the folder together, a moment after the first of them: a process may end at any time, and a file for each
// would be many.

import type { KeptModule } from "../translation/kept-module.ts";
import type { TranslationFolder } from "./translation-folder.ts";

const SAVE_AFTER_MS = 400;

export class TranslationKeeper {
  readonly #folder: Pick<TranslationFolder, "save">;
  #unsaved: KeptModule[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: Pick<TranslationFolder, "save">) {
    this.#folder = folder;
  }

  keep(module: KeptModule): void {
    this.#unsaved.push(module);
    this.#timer ??= setTimeout(() => this.flush(), SAVE_AFTER_MS);
  }

  /** Saves at once what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#unsaved.length === 0) return;
    const modules = this.#unsaved;
    this.#unsaved = [];
    this.#folder.save(modules);
  }
}
