// The 256-bit set, against a Set.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runFuzz } from "@hearth/testkit/fuzz";
import { VectorSet } from "./vector-set.ts";

test("membership and the highest member", (t) => {
  runFuzz(t, 50, (prng) => {
    const set = new VectorSet();
    const model = new Set<number>();
    for (let step = 0; step < 100; step++) {
      const vector = prng.below(256);
      if (prng.oneIn(2)) {
        set.add(vector);
        model.add(vector);
      } else {
        set.remove(vector);
        model.delete(vector);
      }
      assert.equal(set.has(vector), model.has(vector));
      assert.equal(set.highest(), Math.max(-1, ...model));
    }
    set.clear();
    assert.equal(set.highest(), -1);
  });
});
