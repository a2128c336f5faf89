// Whose turn it is on a host with few CPUs: the guest's. V8's compiler threads and the translator make code faster some time later;
// while they hold a CPU that a vCPU could have, everything is slower now. Linux lets a process lower the priority of single threads.

import { readdirSync, readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

const TASKS = "/proc/self/task";
/**
 * Nice values by starts of thread names, as the kernel cuts them. The translator, without which there is nothing to optimize, has a
 * third of a vCPU's share; each of V8's worker threads a third of that. Less would not do: V8's sweeper works in these threads, and
 * where it has begun a sweep, the event loops of other threads ask for its end again and again.
 */
const NICE: ReadonlyMap<string, number> = new Map([
  ["hearth-translat", 5],
  ["V8Worker", 10],
]);

/** Lowers the priority of background threads there are by now. Without procfs, or when it is not allowed, nothing changes. */
export function yieldToVcpus(): void {
  let threads: readonly string[];
  try {
    threads = readdirSync(TASKS);
  } catch {
    return;
  }
  for (const thread of threads) {
    try {
      const name = readFileSync(`${TASKS}/${thread}/comm`, "utf8");
      for (const [start, nice] of NICE)
        if (name.startsWith(start) && getPriority(Number(thread)) < nice) setPriority(Number(thread), nice);
    } catch {
      // The thread has ended since.
    }
  }
}
