// Machines and the thread that translates for them: one thread a process, started with the first machine.

import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";

/** One machine's way to the translating thread. */
export interface TranslationLink {
  readonly port: MessagePort;
  /** One word that counts what has been posted to the machine. */
  readonly ready: SharedArrayBuffer;
  /** Are translations kept for later runs? */
  readonly isKeeping: boolean;
}

/**
 * What a machine asks for: a packed region under a number of its own, or for later runs without one; or the number of a module that
 * was kept. Messages are lists of these.
 */
export type TranslationRequest = readonly [request: number | undefined, region: Uint8Array] | number;

/** To the thread: a new machine, or that what waits should be kept now, which it says when it is done. */
export type ToTranslationThread = TranslationLink | "save";

export interface TranslationThreadStart {
  /** Folder of Node's compile cache, if it is used. */
  readonly compileCachePath: string | undefined;
  /** Where translations are kept between runs; nowhere if undefined. */
  readonly folderPath: string | undefined;
}

/**
 * Without limits V8 lets garbage of the compiler lie about: 60 MiB. The code of a module in the making must fit in the young
 * generation: otherwise it is copied again and again, which takes four times as long as making it.
 */
const HEAP_LIMITS = {
  maxYoungGenerationSizeMb: 16,
  maxOldGenerationSizeMb: 128,
};

let thread: Worker | undefined;

/** A link for a new machine; its port is to be handed to the machine's thread. The translating thread keeps no process alive. */
export function connectTranslation(start: TranslationThreadStart): TranslationLink {
  thread ??= startThread(start);
  const { port1, port2 } = new MessageChannel();
  const ready = new SharedArrayBuffer(4);
  const isKeeping = start.folderPath !== undefined;
  thread.postMessage({ port: port1, ready, isKeeping } satisfies ToTranslationThread, [port1]);
  return { port: port2, ready, isKeeping };
}

/** Sees to it that what was translated is kept before the process ends. */
export function saveTranslations(): void {
  thread?.ref();
  thread?.postMessage("save" satisfies ToTranslationThread);
}

function startThread(start: TranslationThreadStart): Worker {
  const made = new Worker(new URL("./translation-worker.js", import.meta.url), {
    workerData: start,
    name: "hearth-translation",
    resourceLimits: HEAP_LIMITS,
  });
  // Machines run on without translations, and the next one starts another thread.
  made.on("error", () => {
    thread = undefined;
  });
  made.on("message", () => made.unref());
  made.unref();
  return made;
}
