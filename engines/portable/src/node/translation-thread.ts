// The thread that translates for all machines of a process (entered by translation-worker.js). It is told of each machine's port; what is kept between runs is read
// first.

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { TranslationService } from "../translation/service.ts";
import { compilerStamp } from "./compiler-stamp.ts";
import type { TranslationLink, TranslationRequest, TranslationThreadStart } from "./connect.ts";
import { machineCode } from "./machine-code.ts";
import { TranslationFolder } from "./translation-folder.ts";
import { TranslationKeeper } from "./translation-keeper.ts";
import { setV8Flags } from "./v8-flags.ts";

const MAX_FOLDER_BYTES = 64 * 1024 * 1024;

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
});
service.know(folder?.load() ?? []);

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
