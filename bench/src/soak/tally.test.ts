import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "./native-twin.ts";
import { SoakTally } from "./tally.ts";

const answer = (output: string, exitCode = 0): Answer => ({ output, exitCode, seconds: 1 });

test("the same output and exit code are right", () => {
  const tally = new SoakTally();
  tally.add({ name: "forks", seed: 1 }, answer("1\n2\n"), answer("1\n2\n"));
  assert.deepEqual(tally.problems, []);
  assert.match(tally.summary(), /^forks +1 +0 +1\.00 s +1\.00 s$/m);
  assert.equal(tally.count, 1);
});

test("another output, a missing or an extra line, and another exit code are wrong, with seed and place", () => {
  for (const wrong of [answer("1\n3\n"), answer("1\n"), answer("1\n2\n3\n"), answer("1\n2\n", 139)]) {
    const tally = new SoakTally();
    tally.add({ name: "forks", seed: 77 }, wrong, answer("1\n2\n"));
    assert.equal(tally.problems.length, 1);
    assert.match(
      tally.problems[0] ?? "",
      /forks with seed 77 is wrong\n {2}guest {2}\(exit code \d+, line [234]\)/,
    );
    assert.match(tally.summary(), /^forks +1 +1 /m);
  }
});
