// The translating thread as a machine's thread sees it, which seldom returns to its event loop: messages are fetched.

import { receiveMessageOnPort } from "node:worker_threads";
import type { Translation, Translator } from "../translation/translator.ts";
import type { TranslationLink, TranslationRequest } from "./connect.ts";

/** A message costs the sender some 0.1 ms: requests are sent together, so often at most. */
const SEND_EVERY_MS = 4;

export class RemoteTranslator implements Translator {
  readonly #link: TranslationLink;
  readonly #ready: Int32Array;
  #taken = 0;
  #unsent: TranslationRequest[] = [];
  #sentMs = 0;

  constructor(link: TranslationLink) {
    this.#link = link;
    this.#ready = new Int32Array(link.ready);
  }

  get isKeeping(): boolean {
    return this.#link.isKeeping;
  }

  request(request: number, region: Uint8Array<ArrayBuffer>): boolean {
    this.#unsent.push([request, region]);
    return true;
  }

  keep(region: Uint8Array<ArrayBuffer>): void {
    this.#unsent.push([undefined, region]);
  }

  want(id: number): void {
    this.#unsent.push(id);
  }

  take(): readonly Translation[] {
    if (this.#unsent.length > 0) this.#send();
    const ready = Atomics.load(this.#ready, 0);
    if (ready === this.#taken) return [];
    this.#taken = ready;
    const translations: Translation[] = [];
    for (let found = this.#receive(); found !== undefined; found = this.#receive())
      translations.push(...found);
    return translations;
  }

  #send(): void {
    const nowMs = performance.now();
    if (nowMs - this.#sentMs < SEND_EVERY_MS) return;
    this.#sentMs = nowMs;
    this.#link.port.postMessage(this.#unsent);
    this.#unsent = [];
  }

  #receive(): readonly Translation[] | undefined {
    return receiveMessageOnPort(this.#link.port)?.message as readonly Translation[] | undefined;
  }
}
