// Entry of the translating thread. Plain JavaScript, since what is loaded before the compile cache is on must be stripped of its
// types, and loading what does that takes 30 ms.

import { enableCompileCache } from "node:module";
import { workerData } from "node:worker_threads";

const { compileCachePath } = /** @type {import("./connect.ts").TranslationThreadStart} */ (workerData);
if (compileCachePath !== undefined) enableCompileCache(compileCachePath);
await import("./translation-thread.ts");
