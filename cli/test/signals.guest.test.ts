// Ctrl-C and its kin at every moment: before the machine exists, during boot, and while a command runs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { KERNEL, type RunningCommand, startHearth } from "./hearth-command.ts";

/** Nothing of it runs any more: no such process, and none below it. */
function assertGone({ child }: RunningCommand): void {
  assert.throws(() => process.kill(child.pid as number, 0), { code: "ESRCH" });
}

for (const afterMs of [60, 200, 500, 1000, 2000])
  test(`Ctrl-C ${afterMs} ms after the start ends with 130 and says nothing`, async () => {
    const command = startHearth(["run", "sh", "-c", "sleep 1000"]);
    await delay(afterMs);
    command.child.kill("SIGINT");
    const { code, stdout, stderr } = await command.outcome;
    // Before the program has taken over its signals the system itself ends it.
    assert.ok(code === 130 || (code === undefined && afterMs < 500), `${code}`);
    assert.equal(stdout, "");
    assert.equal(stderr, "");
    assertGone(command);
  });

test("a running command gets the signal and may have the last word", async () => {
  const script = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done";
  const command = startHearth(["run", "sh", "-c", script]);
  await command.sees("ready");
  command.child.kill("SIGINT");
  const { code, stdout } = await command.outcome;
  assert.equal(stdout, "ready\ncaught\n");
  assert.equal(code, 9);
  assertGone(command);
});

test("SIGTERM and SIGHUP end a command that does not care for them specially", async () => {
  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    const command = startHearth(["run", "sh", "-c", "echo ready; exec sleep 1000"]);
    await command.sees("ready");
    command.child.kill(signal);
    assert.equal((await command.outcome).code, code);
  }
});

test("three Ctrl-C in a row end a command that ignores them", async () => {
  const script = "trap '' INT; echo ready; while :; do sleep 1; done";
  const command = startHearth(["run", "sh", "-c", script]);
  await command.sees("ready");
  for (let i = 0; i < 3; i++) {
    command.child.kill("SIGINT");
    await delay(50);
  }
  assert.equal((await command.outcome).code, 130);
  assertGone(command);
});

test("Ctrl-C ends a console", async () => {
  const command = startHearth(["boot", "--kernel", KERNEL, "--append", "console=ttyS0 earlyprintk=ttyS0"]);
  await command.sees("Linux version");
  command.child.kill("SIGINT");
  assert.equal((await command.outcome).code, 130);
  assertGone(command);
});

test("a reader that goes away ends the command", async () => {
  const command = startHearth(["run", "yes"]);
  await command.sees("y\n");
  command.child.stdout?.destroy();
  assert.equal((await command.outcome).code, 141);
});
