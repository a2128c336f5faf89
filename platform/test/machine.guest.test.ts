// The library against a real guest: programs, files, console, and the ways a machine ends.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { HearthError, Machine } from "../src/index.ts";

const KERNEL = fileURLToPath(new URL("../../guest/kernel/vmlinuz", import.meta.url));
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: unknown) => (error instanceof HearthError ? error.code : String(error)),
  );

describe("one machine", () => {
  let machine: Machine;
  before(async () => {
    machine = await Machine.start();
  });
  after(() => machine.stop());

  test("exec gives output, errors and exit code", async () => {
    const result = await machine.exec(["sh", "-c", "cat; echo err >&2; exit 4"], { stdin: "in" });
    assert.deepEqual(
      [result.stdout, result.stderr, result.exitCode, result.signal],
      ["in", "err\n", 4, undefined],
    );
    assert.equal(await codeOf(machine.exec(["no-such-program"])), "exec.not-found");
  });

  test("many programs run at once", async () => {
    const results = await Promise.all(Array.from({ length: 8 }, (_, i) => machine.exec(["echo", String(i)])));
    assert.deepEqual(
      results.map((result) => result.stdout),
      Array.from({ length: 8 }, (_, i) => `${i}\n`),
    );
  });

  test("a program that takes too long, or is no longer wanted, is killed", async () => {
    assert.equal(await codeOf(machine.exec(["sleep", "1000"], { timeoutMs: 300 })), "exec.timeout");
    const wanted = AbortSignal.timeout(300);
    await assert.rejects(machine.exec(["sleep", "1000"], { signal: wanted }), { name: "TimeoutError" });
    assert.doesNotMatch((await machine.exec(["ps"])).stdout, /sleep 1000/);
  });

  test("files go in and come out, whole", async () => {
    const data = Buffer.alloc(2_000_000, "hearth");
    await machine.files.write("/tmp/data", data, { mode: 0o600 });
    assert.equal(Buffer.compare(Buffer.from(await machine.files.read("/tmp/data")), data), 0);
    const { sizeBytes, mode } = await machine.files.stat("/tmp/data");
    assert.deepEqual([sizeBytes, mode], [data.length, 0o600]);
    assert.ok(
      (await machine.files.list("/")).some((entry) => entry.name === "proc" && entry.kind === "directory"),
    );
    assert.equal(await codeOf(machine.files.read("/none")), "file.not-found");
  });

  test("an idle guest costs next to nothing, once its start has been translated for later ones", async () => {
    await machine.exec(["true"]);
    let spentUs = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 15 && spentUs >= 300_000; tries++) {
      const before = process.cpuUsage();
      await delay(3000);
      const { user, system } = process.cpuUsage(before);
      spentUs = user + system;
    }
    assert.ok(spentUs < 300_000, `${spentUs / 1000} ms of CPU in 3 s`);
  });

  test("sleeping takes about as long as it should", async () => {
    const startMs = performance.now();
    await machine.exec(["sleep", "1"]);
    const elapsedMs = performance.now() - startMs;
    assert.ok(elapsedMs > 950 && elapsedMs < 5000, `${elapsedMs} ms`);
  });
});

test("power-off, seen by whoever waits", async () => {
  await using machine = await Machine.start();
  const waiting = codeOf(machine.exec(["sleep", "1000"]));
  await machine.ready();
  const end = await machine.shutdown();
  assert.equal(end.reason, "power-off");
  assert.equal(await waiting, "guest.ended");
  assert.equal(await codeOf(machine.exec(["true"])), "guest.ended");
});

test("a panic carries the console's last lines", async () => {
  await using machine = await Machine.start({ kernel: KERNEL, cmdline: "console=ttyS0 panic=-1 reboot=k" });
  const failed = await machine.exec(["true"]).catch((error: unknown) => error as HearthError);
  assert.ok(failed instanceof HearthError);
  assert.equal(failed.code, "guest.panic");
  assert.match((failed.details.console as string[]).join("\n"), /Kernel panic/);
});

test("the console can be read and typed at", async () => {
  const cmdline = "console=ttyS0 quiet reboot=k panic=-1 rdinit=/bin/sh";
  const initrd = fileURLToPath(new URL("../../guest/rootfs/base.cpio.gz", import.meta.url));
  await using machine = await Machine.start({ kernel: KERNEL, initrd, cmdline, hasAgent: false });
  machine.console.write("echo $((40+2))!\n");
  let seen = "";
  for await (const chunk of machine.console) {
    seen += Buffer.from(chunk).toString();
    if (seen.includes("42!")) break;
  }
  assert.equal(await codeOf(machine.exec(["true"])), "agent.none");
  assert.equal((await machine.stop()).reason, "stopped");
});

test("a guest without a sign of life is given up", async () => {
  const cmdline = "console=ttyS0 quiet panic=-1 rdinit=/bin/sleep -- 1000";
  const initrd = fileURLToPath(new URL("../../guest/rootfs/base.cpio.gz", import.meta.url));
  await using machine = await Machine.start({ kernel: KERNEL, initrd, cmdline, bootTimeoutMs: 1500 });
  assert.equal(await codeOf(machine.exec(["true"])), "guest.timeout");
});

test("starting can be abandoned", async () => {
  await assert.rejects(Machine.start({ signal: AbortSignal.abort(new Error("enough")) }), /enough/);
  await assert.rejects(Machine.start({ signal: AbortSignal.timeout(1) }), { name: "TimeoutError" });
});
