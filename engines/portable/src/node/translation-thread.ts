// The thread that translates for all machines of a process (entered by translation-worker.js). It is told of each machine's port; what is kept between runs is read
// first.

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { TranslationService } from "../translation/service.ts";
import { compilerStamp } from "./compiler-stamp.ts";
import type { ToTranslationThread, TranslationRequest, TranslationThreadStart } from "./connect.ts";
import { machineCode } from "./machine-code.ts";
import { sha256 } from "./pack-file.ts";
import { TranslationFolder } from "./translation-folder.ts";
import { TranslationKeeper } from "./translation-keeper.ts";
import { setV8Flags } from "./v8-flags.ts";

const MAX_FOLDER_BYTES = 128 * 1024 * 1024;

setV8Flags();
const { folderPath } = workerData as TranslationThreadStart;

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
  keep: keeper && ((module) => keeper.keep(module)),
  machineCode: machineCode(),
  digest: sha256,
});
service.know(folder?.load() ?? []);

parentPort?.on("message", (message: ToTranslationThread) => {
  if (message !== "save") {
    connect(message.port, new Int32Array(message.ready));
    return;
  }
  keeper?.flush();
  parentPort?.postMessage("saved");
});

function connect(port: MessagePort, ready: Int32Array): void {
  const client = {
    receive: (translations: unknown) => {
      port.postMessage(translations);
      Atomics.add(ready, 0, 1);
    },
  };
  port.on("message", (requests: readonly TranslationRequest[]) => {
    for (const asked of requests) {
      if (typeof asked === "number") {
        service.want(client, asked);
        continue;
      }
      const [request, region] = asked;
      if (request === undefined) service.keepForLater(region);
      else service.request(client, request, region);
    }
  });
  port.on("close", () => {
    service.disconnect(client);
    keeper?.flush();
  });
  service.connect(client);
}
