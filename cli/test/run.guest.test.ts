// `hearth run` as a user sees it: streams, exit codes, environment, disks, timeouts.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { hearth } from "./hearth-command.ts";

const directory = mkdtempSync(join(tmpdir(), "hearth-run-"));
after(() => rmSync(directory, { recursive: true, force: true }));

test("output, errors and exit code are the command's own", async () => {
  const script = "uname -sm; echo oops >&2; exit 7";
  assert.deepEqual(await hearth(["run", "sh", "-c", script]), {
    code: 7,
    stdout: "Linux x86_64\n",
    stderr: "oops\n",
  });
});

test("several vCPUs", async () => {
  const { stdout, code } = await hearth(["run", "--vcpus", "4", "sh", "-c", "nproc; taskset -c 2 nproc"]);
  assert.deepEqual([stdout, code], ["4\n1\n", 0]);
});

test("environment, directory and user", async () => {
  const args = ["--env", "GREETING=hello world", "--workdir", "/tmp", "--user", "1234:55"];
  const { stdout, code } = await hearth([
    "run",
    ...args,
    "--",
    "sh",
    "-c",
    "echo $GREETING; pwd; id -u; id -g",
  ]);
  assert.equal(stdout, "hello world\n/tmp\n1234\n55\n");
  assert.equal(code, 0);
});

test("standard input is passed with -i, and empty without", async () => {
  const text = "line\n".repeat(20_000);
  const [given, notGiven] = [
    await hearth(["run", "-i", "sh", "-c", "wc -c; md5sum /dev/null"], { stdin: text }),
    await hearth(["run", "wc", "-c"], { stdin: text }),
  ];
  assert.match(given.stdout, /^100000\n/);
  assert.equal(notGiven.stdout, "0\n");
});

test("binary output arrives unchanged", async () => {
  const { stdout } = await hearth(["run", "sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' 'x'"]);
  assert.equal(stdout, "x".repeat(1_000_000));
});

test("what cannot be started has its exit code", async () => {
  const notFound = await hearth(["run", "no-such-command"]);
  assert.equal(
    notFound.stderr,
    "hearth: no-such-command: command not found in the guest. (exec.not-found)\n",
  );
  assert.equal(notFound.code, 127);
  assert.equal((await hearth(["run", "/etc/passwd"])).code, 126);
  assert.equal((await hearth(["run", "--workdir", "/none", "true"])).code, 125);
});

test("a command ended by a signal gives 128 + n", async () => {
  assert.equal((await hearth(["run", "sh", "-c", "kill -TERM $$"])).code, 143);
});

test("a timeout ends the command with 124", async () => {
  const { code, stderr, stdout } = await hearth([
    "run",
    "--timeout",
    "20s",
    "sh",
    "-c",
    "echo up; sleep 1000",
  ]);
  assert.equal(code, 124);
  assert.equal(stdout, "up\n");
  assert.match(stderr, /^hearth: not finished after 20 s \(guest\.timeout\)\n$/);
});

test("a command that powers the guest off is no success", async () => {
  const { code, stderr } = await hearth(["run", "sh", "-c", "poweroff -f; sleep 60"]);
  assert.equal(code, 3);
  assert.match(stderr, /^hearth: The guest powered off\. \(guest\.ended\)\n$/);
});

test("--json has everything in one object", async () => {
  const { code, stdout } = await hearth(["run", "--json", "sh", "-c", "echo out; echo err >&2; exit 3"]);
  const report = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual(
    [report.exitCode, report.signal, report.stdout, report.stderr, report.engine],
    [3, null, "out\n", "err\n", "portable"],
  );
  assert.ok((report.bootMs as number) > 0);
  assert.equal(code, 3);
});

test("a terminal: errors on the same stream, and a size", async () => {
  const { stdout, code } = await hearth(["run", "-t", "sh", "-c", "tty; echo err >&2; stty size"]);
  assert.match(stdout, /^\/dev\/pts\/\d+\r\nerr\r\n24 80\r\n$/);
  assert.equal(code, 0);
});

test("disks: discarded writes, read-only, written in place", async () => {
  const path = join(directory, "disk.img");
  const original = Buffer.alloc(1024 * 1024, "A");
  writeFileSync(path, original);
  const script =
    "echo changed | dd of=/dev/vda conv=notrunc 2>/dev/null; sync; head -c 8 /dev/vda | tr '\\n' '.'";
  const discarded = await hearth(["run", "--disk", path, "--", "sh", "-c", script]);
  assert.equal(discarded.stdout, "changed.");
  assert.deepEqual(readFileSync(path), original);
  const readOnly = await hearth(["run", "--disk", `${path}:ro`, "--", "sh", "-c", script]);
  assert.equal(readOnly.stdout, "AAAAAAAA");
  assert.deepEqual(readFileSync(path), original);
  await hearth(["run", "--disk", `${path}:rw`, "--", "sh", "-c", script]);
  assert.equal(readFileSync(path).subarray(0, 8).toString(), "changed\n");
});
