// The client against the real hearth-init, built for this host and serving on a Unix socket. Skipped where there is no
// C compiler or no Linux. Everything it touches is in a temporary directory.

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { HearthError } from "@hearth/machine/errors";
import { AgentClient } from "./agent-client.ts";
import { collect } from "./byte-queue.ts";
import { socketStream } from "./byte-stream.ts";

const BUILD = fileURLToPath(new URL("../../../guest/init/build.sh", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "hearth-agent-test-"));
const binary = join(directory, "hearth-init");
const socketPath = join(directory, "socket");
const skip = reasonToSkip();
const user = process.getuid?.() === 0 ? "" : String(process.getuid?.());
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: unknown) => (error instanceof HearthError ? error.code : String(error)),
  );
let agent: ChildProcess | undefined;
let client: AgentClient;

function reasonToSkip(): string | false {
  if (process.platform !== "linux") return "hearth-init is a Linux program";
  const built = spawnSync("sh", [BUILD, binary], { encoding: "utf8" });
  return built.status === 0 ? false : `hearth-init does not build here: ${built.stderr.slice(0, 200)}`;
}

before(async () => {
  if (skip !== false) return;
  agent = spawn(binary, ["--listen-unix", socketPath], { stdio: "ignore" });
  for (let tries = 0; tries < 500 && !existsSync(socketPath); tries++) await delay(10);
  client = await open();
});

after(() => {
  client?.close();
  agent?.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

async function open(): Promise<AgentClient> {
  const socket = connect(socketPath);
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return AgentClient.connect(socketStream(socket));
}

async function run(argv: string[], options: Parameters<AgentClient["spawn"]>[1] = {}) {
  const program = await client.spawn(argv, { user, cwd: directory, ...options });
  const [stdout, stderr, status] = await Promise.all([
    collect(program.stdout),
    collect(program.stderr),
    program.exited,
  ]);
  return { stdout: Buffer.from(stdout).toString(), stderr: Buffer.from(stderr).toString(), ...status };
}

test("programs: output, errors, codes, signals, environment, directory", {
  skip,
  timeout: 20_000,
}, async () => {
  const talk = await run(["sh", "-c", "echo out; echo err >&2; exit 7"]);
  assert.deepEqual(talk, { stdout: "out\n", stderr: "err\n", exitCode: 7, signal: undefined });
  assert.equal((await run(["sh", "-c", "kill -9 $$"])).signal, "SIGKILL");
  const env = await run(["sh", "-c", "echo $GREETING; pwd"], { env: { GREETING: "hello world" } });
  assert.equal(env.stdout, `hello world\n${directory}\n`);
  assert.equal(await codeOf(run(["no-such-program-anywhere"])), "exec.not-found");
  assert.equal(await codeOf(run(["/etc/passwd"])), "exec.not-executable");
  assert.equal(await codeOf(run(["true"], { cwd: "/no/such/directory" })), "exec.directory");
  assert.equal(await codeOf(run(["true"], { user: "nobody-of-that-name" })), "exec.user");
});

test("megabytes through a program, both ways, at the pace of the slower side", {
  skip,
  timeout: 20_000,
}, async () => {
  const program = await client.spawn(["cat"], { user, hasStdin: true });
  const sent = Buffer.alloc(3_000_000, "0123456789abcdef");
  const written = program.stdin.write(sent).then(() => program.stdin.end());
  const received = await collect(program.stdout);
  await written;
  assert.equal(Buffer.compare(Buffer.from(received), sent), 0);
  assert.equal((await program.exited).exitCode, 0);
});

test("a program that nobody reads waits, and others go on", { skip, timeout: 20_000 }, async () => {
  const stuck = await client.spawn(["yes"], { user });
  assert.equal((await run(["echo", "fine"])).stdout, "fine\n");
  stuck.cancel();
  assert.equal((await stuck.exited).exitCode, 137);
});

test("signals reach the program", { skip, timeout: 20_000 }, async () => {
  const program = await client.spawn(
    ["sh", "-c", "trap 'echo caught; exit 3' TERM; echo ready; while :; do read x; done"],
    {
      user,
      hasStdin: true,
    },
  );
  const output = program.stdout[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await output.next()).value ?? []).toString(), "ready\n");
  program.kill("SIGTERM");
  await program.stdin.write(Buffer.from("\n"));
  assert.equal((await program.exited).exitCode, 3);
});

test("a terminal has a size that can change, and echoes", { skip, timeout: 20_000 }, async () => {
  const program = await client.spawn(["sh"], { user, pty: { rows: 33, columns: 101 } });
  let seen = "";
  const reading = (async () => {
    for await (const chunk of program.stdout) {
      seen += Buffer.from(chunk).toString();
      if (seen.includes("33 101") && !seen.includes("resized")) {
        program.resize({ rows: 40, columns: 120 });
        await program.stdin.write(Buffer.from("echo re''sized; stty size; exit 5\n"));
        seen += "resized";
      }
    }
  })();
  await program.stdin.write(Buffer.from("stty size\n"));
  assert.equal((await program.exited).exitCode, 5);
  await reading;
  assert.match(seen, /40 120/);
});

test("files: write, read, stat, list, rename, remove", { skip, timeout: 20_000 }, async () => {
  const { files } = client;
  const path = join(directory, "deep", "er", "file.bin");
  const data = Buffer.alloc(1_000_000, "hearth");
  assert.equal(await files.write(path, data, { parents: true, mode: 0o640, owner: user }), data.length);
  assert.equal(Buffer.compare(Buffer.from(await files.read(path)), data), 0);
  const stat = await files.stat(path);
  assert.deepEqual([stat.kind, stat.mode, stat.sizeBytes], ["file", 0o640, data.length]);
  await files.symlink("file.bin", `${path}.link`);
  assert.equal((await files.stat(`${path}.link`, { followLinks: false })).linkTarget, "file.bin");
  await files.write(path, "+tail", { append: true });
  assert.equal((await files.stat(path)).sizeBytes, data.length + 5);
  assert.equal(await codeOf(files.write(path, "x", { exclusive: true })), "file.exists");
  await files.rename(path, `${path}.2`);
  assert.equal(await codeOf(files.read(path)), "file.not-found");
  assert.deepEqual(
    (await files.list(join(directory, "deep", "er"))).map((entry) => `${entry.kind} ${entry.name}`),
    ["file file.bin.2", "symlink file.bin.link"],
  );
  assert.equal(await codeOf(files.read(directory)), "file.is-a-directory");
  await files.remove(join(directory, "deep"), { recursive: true });
  assert.equal(await codeOf(files.list(join(directory, "deep"))), "file.not-found");
  assert.ok((await files.list("/usr/bin")).length > 50);
});

test("the agent as such: information, ping, a second connection", { skip, timeout: 20_000 }, async () => {
  assert.equal(client.info.version, 1);
  assert.notEqual(client.info.kernelRelease, "");
  const { realTimeNs, uptimeNs } = await client.ping();
  assert.ok(Math.abs(Number(realTimeNs / 1_000_000n) - Date.now()) < 60_000);
  assert.ok(uptimeNs > 0n);
  const second = await open();
  await second.ping();
  second.close();
  assert.equal(await second.closed, undefined);
  await client.ping();
});
