// The priority rule, against its definition, for random sets of requests and services.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runFuzz } from "@hearth/testkit/fuzz";
import { PriorityUnit } from "./priority-unit.ts";

describe("priority unit", () => {
  test("the processor priority and what is deliverable", (t) => {
    runFuzz(t, 100, (prng) => {
      const unit = new PriorityUnit();
      const requested = new Set<number>();
      const serviced = new Set<number>();
      for (let step = 0; step < 40; step++) {
        const vector = 16 + prng.below(240);
        if (prng.oneIn(4)) unit.taskPriority = prng.below(256);
        else if (prng.oneIn(3)) {
          const finished = unit.finish();
          assert.equal(finished, Math.max(-1, ...serviced));
          serviced.delete(finished);
        } else {
          unit.add(vector, prng.oneIn(2));
          requested.add(vector);
        }
        const highestServiced = Math.max(0, ...serviced);
        const classes = [unit.taskPriority >>> 4, highestServiced >>> 4] as const;
        assert.equal(unit.processorPriority >>> 4, Math.max(...classes));
        const highest = Math.max(-1, ...requested);
        const expected = highest >> 4 > Math.max(...classes) ? highest : -1;
        assert.equal(unit.deliverable(), expected);
        if (expected >= 0 && prng.oneIn(2)) {
          unit.serve(expected);
          requested.delete(expected);
          serviced.add(expected);
        }
      }
    });
  });

  test("the priority register has the sub-class only when it is the task's own", () => {
    const unit = new PriorityUnit();
    unit.taskPriority = 0x45;
    assert.equal(unit.processorPriority, 0x45);
    unit.add(0x5a, false);
    unit.serve(0x5a);
    assert.equal(unit.processorPriority, 0x50);
  });

  test("a vector's trigger mode is that of its latest arrival", () => {
    const unit = new PriorityUnit();
    unit.add(0x41, true);
    assert.equal(unit.triggerMode.has(0x41), true);
    unit.add(0x41, false);
    assert.equal(unit.triggerMode.has(0x41), false);
  });
});
