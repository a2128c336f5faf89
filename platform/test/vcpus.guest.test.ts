// Machines with several vCPUs: what Linux sees of them, work that is spread over them, processors taken away and brought back,
// and atomic operations under stress (for minutes with HEARTH_STRESS_SECONDS).

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Machine } from "../src/index.ts";

const STRESS_SECONDS = Number(process.env["HEARTH_STRESS_SECONDS"] ?? 1);
/** Generous: on a busy host everything takes ten times as long. */
const BOOT_TIMEOUT_MS = 300_000;
const STRESS_TIMEOUT_MS = STRESS_SECONDS * 1000 + 240_000;
const SOURCE = fileURLToPath(new URL("testdata/atomics.c", import.meta.url));
const hasCompiler = spawnSync("musl-gcc", ["--version"]).status === 0;
const ON_CPU = "cut -d' ' -f39 /proc/self/stat";

describe("4 vCPUs", () => {
  let machine: Machine;
  before(async () => {
    machine = await Machine.start({ vcpus: 4, bootTimeoutMs: BOOT_TIMEOUT_MS });
  });
  after(() => machine.stop());

  async function sh(script: string): Promise<string> {
    const { stdout, stderr, exitCode } = await machine.exec(["sh", "-c", script], { timeoutMs: 240_000 });
    assert.deepEqual([exitCode, stderr], [0, ""], script);
    return stdout;
  }

  test("Linux finds them, in one package", async () => {
    assert.equal(await sh("nproc"), "4\n");
    const field = (name: string): Promise<string> => sh(`sed -n 's/^${name}.*: //p' /proc/cpuinfo | xargs`);
    assert.deepEqual(
      await Promise.all(
        ["processor", "apicid", "core id", "physical id", "siblings", "cpu cores"].map(field),
      ),
      ["0 1 2 3\n", "0 1 2 3\n", "0 1 2 3\n", "0 0 0 0\n", "4 4 4 4\n", "4 4 4 4\n"],
    );
    assert.equal(await sh("cat /sys/devices/system/clocksource/clocksource0/current_clocksource"), "tsc\n");
  });

  test("a program runs where it is told to", async () => {
    for (const cpu of [3, 1]) assert.equal(await sh(`taskset -c ${cpu} ${ON_CPU}`), `${cpu}\n`);
    assert.equal(await sh("taskset -c 1,2 nproc"), "2\n");
  });

  test("parallel work is spread, and right", async () => {
    const each = (n: number): string =>
      `seq ${n} 4 60000 | sort -r | sha256sum | cut -c1-64 > /tmp/sum${n} &`;
    const busy = () => sh("sed -n 's/^cpu[0-9] \\([0-9]*\\) [0-9]* \\([0-9]*\\).*/\\1 \\2/p' /proc/stat");
    const before = await busy();
    await sh(`${[1, 2, 3, 4].map(each).join(" ")} wait`);
    const sums = (await sh("cat /tmp/sum1 /tmp/sum2 /tmp/sum3 /tmp/sum4")).trim().split("\n");
    assert.deepEqual(sums, [1, 2, 3, 4].map(sortedSum));
    const ticks = (text: string): number[] =>
      text
        .trim()
        .split("\n")
        .map((line) => line.split(" ").reduce((sum, part) => sum + Number(part), 0));
    const ticksBefore = ticks(before);
    const spent = ticks(await busy()).map((now, cpu) => now - (ticksBefore[cpu] as number));
    assert.ok(Math.min(...spent) > 0, `ticks by processor: ${spent}`);
  });

  test("a processor can be taken away and brought back", async () => {
    const online = "/sys/devices/system/cpu/cpu3/online";
    assert.equal(await sh(`echo 0 > ${online}; nproc`), "3\n");
    assert.equal(await sh(`echo 1 > ${online}; nproc; taskset -c 3 ${ON_CPU}`), "4\n3\n");
  });

  const skip = hasCompiler ? false : "musl-gcc is not there";
  test("atomic operations stay atomic", { skip, timeout: STRESS_TIMEOUT_MS }, async () => {
    const directory = mkdtempSync(join(tmpdir(), "hearth-atomics-"));
    try {
      const program = join(directory, "atomics");
      execFileSync("musl-gcc", ["-static", "-O2", "-pthread", "-o", program, SOURCE]);
      await machine.files.write("/tmp/atomics", readFileSync(program), { mode: 0o755 });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
    for (const threads of [4, 8]) {
      const options = { timeoutMs: STRESS_TIMEOUT_MS };
      const { stdout, exitCode } = await machine.exec(
        ["/tmp/atomics", String(STRESS_SECONDS / 2), String(threads)],
        options,
      );
      assert.equal(stdout, `${threads} threads on 4 processors, 0 failures\n`);
      assert.equal(exitCode, 0);
    }
  });

  test("idle, they cost next to nothing", async () => {
    await machine.exec(["true"]);
    // What was hot before is still being compiled.
    for (let second = 0; second < 30 && (await cpuMsWithin(1000)) > 100; second++);
    const cpuMs = await cpuMsWithin(3000);
    assert.ok(cpuMs < 300, `${cpuMs} ms of CPU in 3 s`);
  });
});

test("the machine ends when its last processor halts for good", async () => {
  await using machine = await Machine.start({ vcpus: 4, bootTimeoutMs: BOOT_TIMEOUT_MS });
  const halting = machine.exec(["halt", "-f"]).catch(() => undefined);
  assert.equal((await machine.exited).reason, "power-off");
  await halting;
});

test("32 vCPUs, and an ordinary end", async () => {
  await using machine = await Machine.start({ vcpus: 32, memoryMib: 256, bootTimeoutMs: BOOT_TIMEOUT_MS });
  assert.equal((await machine.exec(["nproc"])).stdout, "32\n");
  assert.equal((await machine.shutdown()).reason, "power-off");
});

/** CPU time of this process over so many milliseconds. */
async function cpuMsWithin(milliseconds: number): Promise<number> {
  const before = process.cpuUsage();
  await delay(milliseconds);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function sortedSum(first: number): string {
  const numbers: string[] = [];
  for (let n = first; n <= 60_000; n += 4) numbers.push(String(n));
  const sorted = numbers.toSorted((a, b) => (a < b ? 1 : -1));
  return createHash("sha256")
    .update(`${sorted.join("\n")}\n`)
    .digest("hex");
}
