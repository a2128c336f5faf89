import assert from "node:assert/strict";
import { test } from "node:test";
import { HearthError } from "@hearth/machine/errors";
import { AgentClient } from "./agent-client.ts";
import { collect } from "./byte-queue.ts";
import { decodeArgv, encodeEnd, encodeWelcome, fakeAgent, streamPair } from "./fake-agent.ts";
import { encodeFrame, type Frame, FrameType } from "./protocol/frame.ts";
import { WINDOW_BYTES } from "./output-stream.ts";
import { PayloadReader, PayloadWriter } from "./protocol/wire.ts";

const text = (value: string) => new TextEncoder().encode(value);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: unknown) => (error instanceof HearthError ? error.code : String(error)),
  );

test("a program's output, errors and exit code arrive", async () => {
  let argv: string[] = [];
  const client = await AgentClient.connect(
    fakeAgent(({ type, channel, payload }, reply) => {
      if (type !== FrameType.Exec) return;
      argv = decodeArgv(payload);
      reply(channel, FrameType.Started, 0, new PayloadWriter().u32(53).finish());
      reply(channel, FrameType.Data, 2, text("warning"));
      reply(channel, FrameType.Data, 1, text("one "));
      reply(channel, FrameType.Data, 1, text("two"));
      reply(channel, FrameType.Eof, 1);
      reply(channel, FrameType.End, 0, encodeEnd(1, 7));
    }),
  );
  const program = await client.spawn(["sh", "-c", "true"]);
  assert.equal(program.pid, 53);
  assert.equal(Buffer.from(await collect(program.stdout)).toString(), "one two");
  assert.equal(Buffer.from(await collect(program.stderr)).toString(), "warning");
  assert.deepEqual(await program.exited, { exitCode: 7, signal: undefined });
  assert.deepEqual(argv, ["sh", "-c", "true"]);
  assert.equal(client.info.kernelRelease, "6.1.0");
});

test("each end of a program has its status or its error", async () => {
  const cases: [Uint8Array, string][] = [
    [encodeEnd(2, 15), "143 SIGTERM"],
    [encodeEnd(2, 34), "162 SIG34"],
    [encodeEnd(4, 0), "137 SIGKILL"],
    [encodeEnd(3, 2, 4), "exec.not-found"],
    [encodeEnd(3, 13, 4), "exec.not-executable"],
    [encodeEnd(3, 2, 2), "exec.user"],
    [encodeEnd(3, 2, 3), "exec.directory"],
    [encodeEnd(3, 11, 5), "exec.resources"],
    [encodeEnd(3, 38, 1), "exec.request"],
    [encodeEnd(9, 0), "agent.protocol"],
    [encodeEnd(1, 256), "agent.protocol"],
    [new Uint8Array(3), "agent.protocol"],
  ];
  for (const [end, expected] of cases) {
    const client = await AgentClient.connect(
      fakeAgent(({ type, channel }, reply) => {
        if (type !== FrameType.Exec) return;
        if (end[0] === 2 || end[0] === 4) reply(channel, FrameType.Started, 0, new Uint8Array(4));
        reply(channel, FrameType.End, 0, end);
      }),
    );
    const outcome = await client.spawn(["x"]).then(
      async (program) => {
        const status = await program.exited;
        return `${status.exitCode} ${status.signal}`;
      },
      (error: HearthError) => error.code,
    );
    assert.equal(outcome, expected);
  }
});

test("input never exceeds the guest's credit and goes on when credit comes", async () => {
  const received: number[] = [];
  let creditBytes = 4096;
  const client = await AgentClient.connect(
    fakeAgent(({ type, channel, payload }, reply) => {
      if (type === FrameType.Exec) reply(channel, FrameType.Started, 0, new Uint8Array(4));
      if (type === FrameType.Data) {
        creditBytes -= payload.length;
        assert.ok(creditBytes >= 0, "credit overrun");
        received.push(payload.length);
        creditBytes += 1000;
        reply(channel, FrameType.Credit, 0, new PayloadWriter().u32(1000).finish());
      }
      if (type === FrameType.Eof) reply(channel, FrameType.End, 0, encodeEnd(1, 0));
    }, encodeWelcome(4096)),
  );
  const program = await client.spawn(["cat"], { hasStdin: true });
  assert.equal(await program.stdin.write(new Uint8Array(20_000)), true);
  await program.stdin.end();
  await program.exited;
  assert.equal(
    received.reduce((sum, size) => sum + size, 0),
    20_000,
  );
  assert.equal(await program.stdin.write(new Uint8Array(1)), false);
});

test("credit for output is returned only as the reader takes it", async () => {
  let credits = 0;
  const client = await AgentClient.connect(
    fakeAgent(({ type, channel, payload }, reply) => {
      if (type === FrameType.Credit) credits += new PayloadReader(payload).u32();
      if (type !== FrameType.Exec) return;
      reply(channel, FrameType.Started, 0, new Uint8Array(4));
      for (let sent = 0; sent < WINDOW_BYTES; sent += 65_536)
        reply(channel, FrameType.Data, 1, new Uint8Array(65_536));
    }),
  );
  const program = await client.spawn(["yes"]);
  const reader = program.stdout[Symbol.asyncIterator]();
  await new Promise(setImmediate);
  assert.equal(credits, 0);
  for (let taken = 0; taken < WINDOW_BYTES; taken += 65_536) await reader.next();
  await new Promise(setImmediate);
  assert.equal(credits, WINDOW_BYTES);
});

test("a guest that breaks the protocol ends the connection with agent.protocol, and nobody waits for ever", async () => {
  const nonsense: [string, Uint8Array][] = [
    ["a frame of 2^32-1 bytes", Uint8Array.of(255, 255, 255, 255, 1, 0, 0, 0, 0x10, 1, 0, 0)],
    ["reserved bits", Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0x11, 1, 7, 0)],
    ["an unknown type", encodeFrame(1, 0x99)],
    ["a channel that is not open", encodeFrame(77, FrameType.Data, 1, new Uint8Array(1))],
    ["data on the host's own stream", encodeFrame(1, FrameType.Data, 0, new Uint8Array(1))],
    ["an empty data frame", encodeFrame(1, FrameType.Data, 1)],
    [
      "two ends of a stream",
      Buffer.concat([encodeFrame(1, FrameType.Eof, 1), encodeFrame(1, FrameType.Eof, 1)]),
    ],
    [
      "data after the end",
      Buffer.concat([encodeFrame(1, FrameType.Eof, 2), encodeFrame(1, 0x10, 2, text("x"))]),
    ],
    ["credit on a wrong stream", encodeFrame(1, FrameType.Credit, 1, new Uint8Array(4))],
    ["credit without a number", encodeFrame(1, FrameType.Credit, 0)],
    ["a second welcome", encodeWelcome()],
    [
      "more than the window",
      Buffer.concat(
        Array.from({ length: 5 }, () => encodeFrame(1, FrameType.Data, 1, new Uint8Array(65_536))),
      ),
    ],
  ];
  for (const [name, bytes] of nonsense) {
    const [host, guest] = streamPair();
    let isFirst = true;
    guest.onData(() => {
      guest.write(isFirst ? encodeWelcome() : bytes);
      isFirst = false;
    });
    const client = await AgentClient.connect(host);
    assert.equal(await codeOf(client.spawn(["x"])), "agent.protocol", name);
    assert.equal((await client.closed)?.code, "agent.protocol", name);
    assert.equal(await codeOf(client.ping()), "agent.protocol", name);
  }
});

test("what can go wrong before the welcome", async () => {
  const refuse = (reason: number) =>
    encodeFrame(0, FrameType.Refuse, 0, new PayloadWriter().u32(reason).text("no").finish());
  const cases: [string, Uint8Array][] = [
    ["agent.version", refuse(2)],
    ["agent.refused", refuse(3)],
    ["agent.protocol", encodeWelcome(65_536, 64, 9)],
    ["agent.protocol", encodeWelcome(100)],
    ["agent.protocol", encodeWelcome(65_536, 0)],
    ["agent.protocol", encodeFrame(0, FrameType.Welcome, 0, new Uint8Array(5))],
    ["agent.protocol", encodeFrame(5, FrameType.Data, 1, text("x"))],
  ];
  for (const [code, bytes] of cases)
    assert.equal(await codeOf(AgentClient.connect(fakeAgent(() => {}, bytes))), code);
  const [silent] = streamPair();
  assert.equal(await codeOf(AgentClient.connect(silent, 5)), "agent.timeout");
  const [host, guest] = streamPair();
  guest.onData(() => guest.close());
  assert.equal(await codeOf(AgentClient.connect(host)), "agent.disconnected");
});

test("losing the connection fails readers, programs and requests", async () => {
  const [host, guest] = streamPair();
  let frames = 0;
  guest.onData(() => {
    frames++;
    if (frames === 1) guest.write(encodeWelcome());
    if (frames === 2) guest.write(encodeFrame(1, FrameType.Started, 0, new Uint8Array(4)));
    if (frames === 3) guest.close();
  });
  const client = await AgentClient.connect(host);
  const program = await client.spawn(["x"]);
  const outcomes = [collect(program.stdout), program.exited, client.ping()].map(codeOf);
  assert.deepEqual(await Promise.all(outcomes), Array(3).fill("agent.disconnected"));
});

test("files: results, and errors by errno", async () => {
  const entry = (name: string, mode: number) =>
    new PayloadWriter().u32(mode).u32(1).u32(2).u32(1).u64(42n).i64(1_500_000n).text(name).text("").finish();
  const script = (
    { type, channel, payload }: Frame,
    reply: (...args: [number, number, number?, Uint8Array?]) => void,
  ) => {
    const path = type === FrameType.Eof || type === FrameType.Data ? "" : new PayloadReader(payload).text();
    if (path === "/missing") return reply(channel, FrameType.End, 0, encodeEnd(3, 2, 6, text("open")));
    if (type === FrameType.Stat)
      return reply(channel, FrameType.End, 0, encodeEnd(0, 0, 0, entry("", 0o100644)));
    if (type === FrameType.Read) reply(channel, FrameType.Data, 1, text("contents"));
    if (type === FrameType.List)
      reply(channel, FrameType.Data, 1, Buffer.concat([entry("z", 0o40755), entry("a", 0o120777)]));
    if (type === FrameType.Data) return undefined;
    if (type === FrameType.Write) return undefined;
    const result = type === FrameType.Eof ? new PayloadWriter().u64(3n).finish() : new Uint8Array(0);
    return reply(channel, FrameType.End, 0, encodeEnd(0, 0, 0, result));
  };
  const { files } = await AgentClient.connect(fakeAgent(script));
  assert.equal(await files.readText("/f"), "contents");
  assert.equal(await files.write("/f", "abc"), 3);
  const stat = await files.stat("/f");
  assert.deepEqual([stat.kind, stat.mode, stat.sizeBytes, stat.modifiedMs], ["file", 0o644, 42, 1.5]);
  assert.deepEqual(
    (await files.list("/")).map((found) => `${found.name}:${found.kind}`),
    ["a:symlink", "z:directory"],
  );
  for (const outcome of [files.read("/missing"), files.stat("/missing"), files.list("/missing")])
    assert.equal(await codeOf(outcome), "file.not-found");
  await files.makeDirectory("/d");
});

test("requests beyond the guest's channel limit are refused here", async () => {
  const client = await AgentClient.connect(fakeAgent(() => {}, encodeWelcome(65_536, 2)));
  const pending = [client.ping(), client.ping()].map(codeOf);
  assert.equal(await codeOf(client.ping()), "agent.busy");
  assert.equal(await codeOf(client.spawn(["x".repeat(70_000)])), "agent.request-too-long");
  client.close();
  assert.deepEqual(await Promise.all(pending), ["agent.disconnected", "agent.disconnected"]);
});
