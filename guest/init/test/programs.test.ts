// Programs through the agent, as docs/agent-protocol.md promises them: streams, ends, users, terminals, flow control.

import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  AgentClient,
  collect,
  type ExitStatus,
  type GuestProcess,
  type SpawnOptions,
  socketStream,
} from "@hearth/host";
import { HearthError } from "@hearth/machine/errors";
import { type Bench, skipReason, startAgent } from "./agent-bench.ts";

const options = { skip: skipReason, timeout: 30_000 };

async function startClient(context: TestContext): Promise<{ client: AgentClient; bench: Bench }> {
  const bench = await startAgent(context);
  return { client: await AgentClient.connect(socketStream(await bench.connect())), bench };
}

type Ran = { out: string; err: string; status: ExitStatus };

async function run(
  client: AgentClient,
  argv: readonly string[],
  how: SpawnOptions & { input?: string } = {},
): Promise<Ran> {
  const child = await client.spawn(argv, { hasStdin: how.input !== undefined, ...how });
  const written = how.input === undefined ? undefined : feed(child, how.input);
  const [out, err, status] = await Promise.all([
    collect(child.stdout),
    collect(child.stderr),
    child.exited,
    written,
  ]);
  return { out: Buffer.from(out).toString(), err: Buffer.from(err).toString(), status };
}

async function feed(child: GuestProcess, input: string): Promise<void> {
  await child.stdin.write(Buffer.from(input));
  await child.stdin.end();
}

const sh = (script: string): string[] => ["/bin/sh", "-c", script];

function exitCodeOf(error: unknown): unknown {
  return error instanceof HearthError ? error.details["exitCode"] : error;
}

test("output, errors and exit code arrive apart", options, async (context) => {
  const { client } = await startClient(context);
  assert.deepEqual(await run(client, sh("echo out; echo err >&2; exit 3")), {
    out: "out\n",
    err: "err\n",
    status: { exitCode: 3, signal: undefined },
  });
});

test("standard input is passed on up to its end, and is empty unless asked for", options, async (context) => {
  const { client } = await startClient(context);
  assert.equal((await run(client, ["cat"], { input: "hello" })).out, "hello");
  assert.equal((await run(client, ["cat"], { input: "" })).out, "");
  assert.equal((await run(client, ["cat"])).out, "");
});

test("megabytes go through unchanged, both ways at once", options, async (context) => {
  const { client } = await startClient(context);
  const input = "0123456789abcde\n".repeat(200_000);
  assert.equal((await run(client, ["cat"], { input })).out, input);
});

test("a program that closes its input early does not block who writes to it", options, async (context) => {
  const { client } = await startClient(context);
  const ran = await run(client, sh("exec <&-; echo closed; sleep 0.1"), { input: "x".repeat(1_000_000) });
  assert.equal(ran.out, "closed\n");
});

test("signals end a program, and reach its whole group", options, async (context) => {
  const { client } = await startClient(context);
  assert.equal((await run(client, sh("kill -9 $$"))).status.signal, "SIGKILL");
  const child = await client.spawn(sh("sleep 100 | sleep 100"));
  child.kill("SIGTERM");
  assert.equal((await child.exited).signal, "SIGTERM");
});

test("what cannot be started says so as a shell would", options, async (context) => {
  const { client, bench } = await startClient(context);
  const plain = join(bench.folder, "plain");
  writeFileSync(plain, "echo ran $1\n");
  for (const [argv, how, code] of [
    [["no-such-program"], {}, 127],
    [["/no/such/file"], {}, 127],
    [["/dev/null/x"], {}, 127],
    [[plain], {}, 126],
    [["/"], {}, 126],
    [["true"], { cwd: "/no/such/directory" }, 125],
    [["true"], { user: "no-such-user" }, 125],
  ] as const)
    await assert.rejects(run(client, argv, how), (error) => exitCodeOf(error) === code, argv[0]);
  chmodSync(plain, 0o755);
  assert.equal((await run(client, [plain, "it"])).out, "ran it\n");
});

test(
  "the environment has defaults, what is given wins, and it can be all there is",
  options,
  async (context) => {
    const { client } = await startClient(context);
    assert.match((await run(client, sh("echo $PATH"))).out, /^\/usr\/local\/sbin:/);
    assert.equal((await run(client, sh("echo $HOME $A"), { env: { HOME: "/h", A: "b=c" } })).out, "/h b=c\n");
    const only = await run(client, ["/usr/bin/env"], { env: { A: "1" }, isEnvComplete: true });
    assert.equal(only.out, "A=1\n");
    assert.equal((await run(client, ["pwd"], { cwd: "/usr/bin" })).out, "/usr/bin\n");
  },
);

test("a program takes the user it is given", {
  ...options,
  skip: skipReason || notRoot(),
}, async (context) => {
  const { client } = await startClient(context);
  assert.equal((await run(client, ["id", "-u"], { user: "nobody", cwd: "/" })).out, "65534\n");
  assert.equal(
    (await run(client, sh("id -u; id -g"), { user: "12345:23456", cwd: "/" })).out,
    "12345\n23456\n",
  );
});

function notRoot(): string | false {
  return process.getuid?.() === 0 ? false : "only root can become somebody else";
}

test("a terminal has a size, echoes, and hears its end-of-file character", options, async (context) => {
  const { client } = await startClient(context);
  const pty = { rows: 33, columns: 77 };
  const ran = await run(client, sh("test -t 0 -a -t 1 -a -t 2 && stty size; cat"), { pty, input: "typed\n" });
  assert.match(ran.out, /33 77\r\n/);
  assert.match(ran.out, /typed\r\n.*typed\r\n/s);
  assert.equal(ran.err, "");
});

test("resizing a terminal signals the program in it", options, async (context) => {
  const { client } = await startClient(context);
  const child = await client.spawn(
    sh("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done"),
    {
      pty: { rows: 10, columns: 20 },
    },
  );
  let text = "";
  for await (const chunk of child.stdout) {
    if (text === "") child.resize({ rows: 11, columns: 22 });
    text += Buffer.from(chunk).toString();
  }
  assert.match(text, /11 22/);
});

test("the end of a program does not wait for children it left behind", options, async (context) => {
  const { client } = await startClient(context);
  assert.equal((await run(client, sh("sleep 100 & echo early"))).out, "early\n");
});

test("who does not read one program's output blocks only that program", options, async (context) => {
  const { client } = await startClient(context);
  const stuck = await client.spawn(sh("exec cat /dev/zero"));
  for (let i = 0; i < 5; i++) assert.equal((await run(client, ["echo", `${i}`])).out, `${i}\n`);
  stuck.cancel();
  assert.equal((await stuck.exited).signal, "SIGKILL");
});

test("many programs run side by side", options, async (context) => {
  const { client } = await startClient(context);
  const all = Array.from({ length: 40 }, (_, i) => run(client, ["echo", `${i}`]));
  assert.deepEqual(
    (await Promise.all(all)).map((ran) => ran.out),
    all.map((_, i) => `${i}\n`),
  );
});

test("programs are hung up when their connection goes", options, async (context) => {
  const { client, bench } = await startClient(context);
  const mark = join(bench.folder, "hung-up");
  const child = await client.spawn(
    sh(`exec 2>/dev/null; trap 'echo > ${mark}; exit' HUP; echo ready; while :; do sleep 0.01; done`),
  );
  child.exited.catch(() => {});
  await child.stdout[Symbol.asyncIterator]().next();
  client.close();
  const other = await AgentClient.connect(socketStream(await bench.connect()));
  assert.equal((await run(other, sh(`until test -f ${mark}; do sleep 0.01; done; echo yes`))).out, "yes\n");
});

test("shutdown ends the agent once it has answered", options, async (context) => {
  const { client, bench } = await startClient(context);
  const ended = new Promise((resolve) => bench.agent.once("exit", resolve));
  await client.shutdown();
  assert.equal(await ended, 0);
});
