// The thread that interrupts a vCPU at even times (engines/portable/src/profile/interruption.ts says how and why).

import { workerData } from "node:worker_threads";
import { Interrupter, type Interruptible } from "@hearth/engine-portable";

const { processor, intervalMs } = workerData as { processor: Interruptible; intervalMs: number };
const interrupter = new Interrupter(processor);
const never = new Int32Array(new SharedArrayBuffer(4));

// Ended from outside, with the recording.
for (;;) {
  Atomics.wait(never, 0, 0, intervalMs);
  interrupter.interrupt();
}
