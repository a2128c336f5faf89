// The runner's thread (entered by runner-worker.js): builds the machine it is told to, runs it, and connects it to the
// main thread.

import { parentPort, workerData } from "node:worker_threads";
import { setV8Flags } from "@hearth/engine-portable/v8-flags";
import { yieldToVcpus } from "./background-threads.ts";
import { READY_PORT } from "../specification/command-line.ts";
import { Sleeper } from "./doorbell.ts";
import { buildMachine } from "../specification/build-machine.ts";
import { type FromRunner, flattenError, type RunnerStart, type ToRunner } from "./messages.ts";
import { Runner } from "./runner.ts";
import { VsockBridge } from "./vsock-bridge.ts";

setV8Flags();
const port = parentPort;
const start = workerData as RunnerStart;
const sleeper = new Sleeper(start.doorbell);
let isStarted = false;

function post(message: FromRunner, transfer?: ArrayBuffer): void {
  port?.postMessage(message, transfer === undefined ? [] : [transfer]);
}

async function main(): Promise<void> {
  const recorder = start.specification.isProfiled
    ? (await import("../profile/recorder.ts")).Recorder.start()
    : undefined;
  const built = await buildMachine(start.specification, {
    ...start,
    recorder,
    onDiskDone: () => sleeper.wake(),
  });
  yieldToVcpus();
  sleeper.needsEventLoop = () => built.isWaitingForDisk();
  const bridge = new VsockBridge(built.vsock, post);
  bridge.announceReadiness(READY_PORT);
  const runner = new Runner(built.machine, {
    nowMs: () => performance.now(),
    turn: () => sleeper.turn(),
    sleep: (ms) => sleeper.sleep(ms),
    sendConsole: (bytes) => post({ kind: "console", bytes }),
  });
  port?.on("message", (message: ToRunner) => {
    handle(message, runner, bridge, built.typeOnConsole);
    sleeper.wake();
  });
  isStarted = true;
  post({ kind: "started", engine: start.specification.engine.name });
  const end = await runner.run();
  if (recorder !== undefined) post({ kind: "profile", profile: await recorder.finish(built.devices) });
  await built.close();
  post({ kind: "ended", end });
}

function handle(
  message: ToRunner,
  runner: Runner,
  bridge: VsockBridge,
  typeOnConsole: (bytes: Uint8Array) => void,
): void {
  switch (message.kind) {
    case "console-input":
      return typeOnConsole(message.bytes);
    case "console-taken":
      return runner.consoleTaken(message.sizeBytes);
    case "connect":
      return bridge.connect(message.id, message.port);
    case "data":
      return bridge.data(message.id, message.bytes);
    case "taken":
      return bridge.taken(message.id, message.sizeBytes);
    case "close":
      return bridge.close(message.id);
    case "stop":
      return runner.stop();
  }
}

// A message that arrives while the machine is being built waits in the port until its handler is set.
main().catch((cause: unknown) => {
  const error = flattenError(cause);
  post(
    isStarted
      ? { kind: "ended", end: { reason: "failed", console: [], error } }
      : { kind: "failed-to-start", error },
  );
});
