import assert from "node:assert/strict";
import { test } from "node:test";
import { Doorbell, Sleeper } from "./doorbell.ts";

async function sleptMs(sleeper: Sleeper, ms: number): Promise<number> {
  const startMs = performance.now();
  await sleeper.sleep(ms);
  return performance.now() - startMs;
}

test("sleeps last as long as asked, the short ones finer than event-loop timers", async () => {
  const sleeper = new Sleeper(new Doorbell().shared);
  for (const ms of [0.2, 0.7, 5, 20]) assert.ok((await sleptMs(sleeper, ms)) >= ms - 0.05, `${ms} ms`);
});

test("a wake ends a sleep without end, and one that comes first is not lost", async () => {
  const sleeper = new Sleeper(new Doorbell().shared);
  setTimeout(() => sleeper.wake(), 5);
  await sleeper.sleep(Number.POSITIVE_INFINITY);
  sleeper.wake();
  await sleeper.sleep(Number.POSITIVE_INFINITY);
});
