// Where a peer's Hearth keeps its translations: folders of this benchmark alone, so that what is measured knows what it should of
// earlier runs and nothing else.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PeerCommand } from "./peer-command.ts";

/** The variable that says it to Hearth. */
const VARIABLE = "HEARTH_TRANSLATION_CACHE";

/** The folder of one peer. */
export class TranslationFolder implements Disposable {
  readonly #translations: PeerCommand["translations"];
  #path: string | undefined;

  constructor({ translations }: PeerCommand) {
    this.#translations = translations;
  }

  /** Whether a boot has to come before the ones that count. */
  get needsWarming(): boolean {
    return this.#translations === "warm";
  }

  /** Variables for the next boot; a cold one gets an empty folder. */
  environment(): Readonly<Record<string, string>> {
    if (this.#translations === undefined) return {};
    if (this.#translations === "cold") this.#remove();
    this.#path ??= mkdtempSync(join(tmpdir(), "hearth-bench-"));
    return { [VARIABLE]: this.#path };
  }

  [Symbol.dispose](): void {
    this.#remove();
  }

  #remove(): void {
    if (this.#path !== undefined) rmSync(this.#path, { recursive: true, force: true });
    this.#path = undefined;
  }
}
