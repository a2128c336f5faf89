// Entry of the runner's thread. Its code comes from the compile cache that the main thread uses, if it uses one: a cache
// is switched on in each thread, before anything that it should hold is loaded.

import { enableCompileCache } from "node:module";
import { workerData } from "node:worker_threads";
import type { RunnerStart } from "./messages.ts";
import { setV8Flags } from "./v8-flags.ts";

const { compileCachePath } = workerData as RunnerStart;
if (compileCachePath !== undefined) enableCompileCache(compileCachePath);
setV8Flags();
await import("./runner-thread.ts");
