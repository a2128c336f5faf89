// Entry of the runner's thread. Its code comes from the compile cache that the main thread uses, if it uses one: a cache
// is switched on in each thread, before anything that it should hold is loaded. Plain JavaScript, since what is loaded before
// the cache is on must be stripped of its types, and loading what does that takes 30 ms.

import { enableCompileCache } from "node:module";
import { workerData } from "node:worker_threads";

const { compileCachePath } = /** @type {import("./messages.ts").RunnerStart} */ (workerData);
if (compileCachePath !== undefined) enableCompileCache(compileCachePath);
await import("./runner-thread.ts");
