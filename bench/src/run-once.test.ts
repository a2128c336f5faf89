import assert from "node:assert/strict";
import { test } from "node:test";
import { runOnce } from "./run-once.ts";

const shell = (script: string) => ({ file: "/bin/sh", args: ["-c", script] });

test("a peer that runs to its last line gives a sample", async () => {
  const ended: string[] = [];
  const script = "echo '@@ boot end'; echo '@@ a start'; echo sum=7; echo '@@ a end'; echo '@@ all end'";
  const result = await runOnce(shell(script), 30_000, {
    onProgram: (name) => ended.push(name),
  });
  assert.ok(result.isOk);
  assert.equal(result.sample.programs.get("a")?.checksum, "7");
  assert.ok(result.sample.powerOnS > 0 && result.sample.powerOnS < 30);
  assert.deepEqual(ended, ["a"]);
});

test("one that ends early, hangs or cannot be started says why", async () => {
  const early = await runOnce(shell("echo '@@ boot end'; echo last words >&2; exit 3"), 30_000);
  assert.ok(!early.isOk);
  assert.match(early.reason, /exit code 3[^]*last words/);
  const hanging = await runOnce({ file: "sleep", args: ["60"] }, 50);
  assert.ok(!hanging.isOk);
  assert.match(hanging.reason, /SIGKILL/);
  const missing = await runOnce({ file: "/nonexistent/peer", args: [] }, 30_000);
  assert.ok(!missing.isOk);
  assert.match(missing.reason, /ENOENT/);
});

test("a peer gets the variables that are added for it", async () => {
  const script = "echo '@@ boot end'; echo '@@ a start'; echo sum=$VALUE; echo '@@ a end'; echo '@@ all end'";
  const result = await runOnce(shell(script), 30_000, { environment: { VALUE: "17" } });
  assert.ok(result.isOk);
  assert.equal(result.sample.programs.get("a")?.checksum, "17");
});
