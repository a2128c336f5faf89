// The deadline heap, against a sorted list.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runFuzz } from "@hearth/testkit/fuzz";
import { type Timer, TimerQueue } from "./timer-queue.ts";

describe("timer queue", () => {
  test("fires what is due, earliest first, and once", () => {
    const queue = new TimerQueue();
    const fired: string[] = [];
    const [a, b, c] = ["a", "b", "c"].map((name) =>
      queue.createTimer((nowNs) => fired.push(`${name}@${nowNs}`)),
    );
    c?.armAt(30);
    a?.armAt(10);
    b?.armAt(20);
    assert.equal(queue.nextDeadlineNs(), 10);
    queue.runDue(20);
    queue.runDue(20);
    assert.deepEqual(fired, ["a@20", "b@20"]);
    assert.equal(queue.nextDeadlineNs(), 30);
    c?.disarm();
    assert.equal(queue.nextDeadlineNs(), Number.POSITIVE_INFINITY);
  });

  test("a timer that keeps re-arming in the past does not stall the caller", () => {
    const queue = new TimerQueue();
    let count = 0;
    const timer = queue.createTimer(() => {
      count++;
      timer.armAt(0);
    });
    timer.armAt(0);
    queue.runDue(100);
    assert.ok(count >= 1 && count < 10, `fired ${count} times`);
  });

  test("tells when a deadline becomes the earliest", () => {
    const queue = new TimerQueue();
    const seen: number[] = [];
    queue.onEarlier = (deadlineNs) => seen.push(deadlineNs);
    const a = queue.createTimer(() => {});
    const b = queue.createTimer(() => {});
    a.armAt(100);
    b.armAt(200);
    b.armAt(50);
    assert.deepEqual(seen, [100, 50]);
  });

  test("any order of arming, moving and disarming", (t) => {
    runFuzz(t, 200, (prng) => {
      const queue = new TimerQueue();
      const fired: Timer[] = [];
      const timers: Timer[] = Array.from({ length: 8 }, () => {
        const timer: Timer = queue.createTimer(() => fired.push(timer));
        return timer;
      });
      const model = new Map<Timer, number>();
      for (let step = 0; step < 60; step++) {
        const timer = prng.pick(timers);
        if (prng.oneIn(4)) {
          timer.disarm();
          model.delete(timer);
        } else {
          const deadline = prng.below(50);
          timer.armAt(deadline);
          model.set(timer, deadline);
        }
        assert.equal(queue.nextDeadlineNs(), Math.min(Number.POSITIVE_INFINITY, ...model.values()));
      }
      queue.runDue(100);
      assert.equal(fired.length, model.size);
      const deadlines = fired.map((timer) => model.get(timer) as number);
      assert.deepEqual(
        deadlines,
        deadlines.toSorted((x, y) => x - y),
      );
    });
  });
});
