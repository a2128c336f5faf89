// The thread that translates for all machines of a process. It is told of each machine's port; what is kept between runs is read
// first.

import { enableCompileCache } from "node:module";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { TranslationService } from "../translation/service.ts";
import { compilerStamp } from "./compiler-stamp.ts";
import type { TranslationLink, TranslationRequest, TranslationThreadStart } from "./connect.ts";
import { TranslationFolder } from "./translation-folder.ts";
import { TranslationKeeper } from "./translation-keeper.ts";

const MAX_FOLDER_BYTES = 64 * 1024 * 1024;

const { compileCachePath, folderPath } = workerData as TranslationThreadStart;
if (compileCachePath !== undefined) enableCompileCache(compileCachePath);

const folder =
  folderPath === undefined
    ? undefined
    : new TranslationFolder({
        path: folderPath,
        compiler: compilerStamp(),
        maxBytes: MAX_FOLDER_BYTES,
      });
const keeper = folder && new TranslationKeeper(folder);
const service = new TranslationService({
  loadCompiler: async () => (await import("../regions/compiler.ts")).compileImages,
  keep: (module) => keeper?.keep(module),
});
for (const module of folder?.load() ?? []) service.know(module);

parentPort?.on("message", ({ port, ready }: TranslationLink) => connect(port, new Int32Array(ready)));

function connect(port: MessagePort, ready: Int32Array): void {
  const client = {
    receive: (translations: unknown) => {
      port.postMessage(translations);
      Atomics.add(ready, 0, 1);
    },
  };
  port.on("message", (requests: readonly TranslationRequest[]) => {
    for (const asked of requests) {
      if (typeof asked === "number") service.want(client, asked);
      else service.request(client, ...asked);
    }
  });
  port.on("close", () => {
    service.disconnect(client);
    keeper?.flush();
  });
  service.connect(client);
}
