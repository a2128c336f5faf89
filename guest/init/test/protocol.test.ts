// Frames that break the rules: each is refused with its reason, only on its own connection, and the agent goes on.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { Prng } from "@hearth/testkit";
import { type Bench, skipReason, startAgent } from "./agent-bench.ts";
import { exec, frame, hello, RawClient, str, u32 } from "./raw-client.ts";

const options = { skip: skipReason, timeout: 30_000 };
const Refusal = {
  Malformed: 1,
  Version: 2,
  Connections: 3,
  Credit: 4,
  Open: 5,
  Channels: 6,
  Type: 7,
} as const;

async function open(bench: Bench): Promise<RawClient> {
  return new RawClient(await bench.connect());
}

async function greeted(context: TestContext): Promise<{ bench: Bench; client: RawClient }> {
  const bench = await startAgent(context);
  const client = await open(bench);
  client.send(hello());
  assert.ok(await client.ofType(0x02));
  return { bench, client };
}

async function answersStill(bench: Bench): Promise<void> {
  const client = await open(bench);
  client.send(hello(), frame(0x30, 9));
  const end = await client.ofType(0x17);
  assert.equal(end?.payload.length, 24);
  client.socket.destroy();
}

test("the example of the document, byte by byte", options, async (context) => {
  const { client } = await greeted(context);
  client.send(
    Buffer.from("20000000 01000000 20000000 0000000000000000 0000000000000000".replaceAll(" ", ""), "hex"),
    Buffer.from("01000000 04000000 74727565 00000000".replaceAll(" ", ""), "hex"),
  );
  const end = await client.ofType(0x17);
  assert.equal(end?.payload.toString("hex"), "0100000000000000");
  assert.deepEqual(
    client.frames.map((got) => [got.type, got.channel]).sort(),
    [
      [0x02, 0],
      [0x11, 1],
      [0x11, 1],
      [0x16, 1],
      [0x17, 1],
    ].sort(),
  );
});

test("a bad greeting is refused", options, async (context) => {
  const bench = await startAgent(context);
  for (const [name, bytes, reason] of [
    ["no greeting", frame(0x30, 1), Refusal.Malformed],
    ["wrong magic", hello({ magic: 1 }), Refusal.Malformed],
    ["window too small", hello({ window: 10 }), Refusal.Malformed],
    ["too short", frame(0x01, 0, u32(0x48545248)), Refusal.Malformed],
    ["only newer versions", hello({ lowest: 2, highest: 9 }), Refusal.Version],
    ["not this protocol", Buffer.from("GET / HTTP/1.1\r\nHost: guest\r\n\r\n"), Refusal.Malformed],
  ] as const) {
    const client = await open(bench);
    client.send(bytes);
    assert.equal(await client.refusal(), reason, name);
  }
  await answersStill(bench);
});

test("newer hosts that also speak version 1 are welcome", options, async (context) => {
  const client = await open(await startAgent(context));
  client.send(hello({ lowest: 1, highest: 7 }));
  assert.equal((await client.ofType(0x02))?.payload.readUInt16LE(0), 1);
});

test("frames that cannot be are refused, with their reason", options, async (context) => {
  const bench = await startAgent(context);
  const sleeping = exec(1, ["sleep", "100"], 2);
  for (const [name, bytes, reason] of [
    ["length beyond the limit", frame(0x30, 1, Buffer.alloc(0), { length: 65_537 }), Refusal.Malformed],
    ["reserved bits", frame(0x30, 1, Buffer.alloc(0), { reserved: 1 }), Refusal.Malformed],
    ["a type of the guest's", frame(0x17, 1), Refusal.Type],
    ["an unknown type", frame(0xff, 1), Refusal.Type],
    ["a request on channel 0", frame(0x30, 0), Refusal.Malformed],
    ["a program without a name", exec(1, []), Refusal.Malformed],
    ["a list longer than its payload", frame(0x20, 1, u32(0, 0, 0, 0, 0xffff_ffff)), Refusal.Malformed],
    ["a string longer than its payload", frame(0x24, 1, u32(0xffff_fff0)), Refusal.Malformed],
    ["a NUL in a string", frame(0x24, 1, str("/tmp\0x")), Refusal.Malformed],
    ["a channel twice", Buffer.concat([sleeping, sleeping]), Refusal.Open],
    [
      "data on an output stream",
      Buffer.concat([sleeping, frame(0x10, 1, u32(1), { stream: 1 })]),
      Refusal.Malformed,
    ],
    [
      "data after the end",
      Buffer.concat([sleeping, frame(0x11, 1), frame(0x10, 1, u32(1))]),
      Refusal.Malformed,
    ],
    ["empty data", Buffer.concat([sleeping, frame(0x10, 1)]), Refusal.Malformed],
    [
      "a credit too short",
      Buffer.concat([sleeping, frame(0x12, 1, Buffer.alloc(3), { stream: 1 })]),
      Refusal.Malformed,
    ],
    [
      "more credit than can be",
      Buffer.concat([sleeping, frame(0x12, 1, u32(-1), { stream: 1 })]),
      Refusal.Credit,
    ],
    [
      "more data than credit",
      Buffer.concat([sleeping, ...Array(4).fill(frame(0x10, 1, Buffer.alloc(65_536)))]),
      Refusal.Credit,
    ],
  ] as const) {
    const client = await open(bench);
    client.send(hello(), bytes);
    assert.equal(await client.refusal(), reason, name);
  }
  await answersStill(bench);
});

test(
  "a refusal reaches a host that goes on sending, and one that never stops is cut off",
  options,
  async (context) => {
    const bench = await startAgent(context);
    const overrun = frame(0x10, 1, Buffer.alloc(65_536));
    const client = await open(bench);
    client.send(hello(), exec(1, ["sleep", "100"], 2), ...Array(64).fill(overrun));
    assert.equal(await client.refusal(), Refusal.Credit);
    const polite = await open(bench);
    polite.socket.allowHalfOpen = true;
    polite.send(frame(0x30, 1));
    assert.equal((await polite.ofType(0x03))?.payload.readUInt32LE(0), Refusal.Malformed);
    const errors: Error[] = [];
    polite.socket.on("error", (error) => errors.push(error));
    for (let i = 0; i < 20; i++) {
      polite.send(overrun);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    polite.socket.end();
    await polite.refusal();
    assert.deepEqual(errors, []);
    const stubborn = await open(bench);
    stubborn.socket.allowHalfOpen = true;
    stubborn.send(frame(0x30, 1));
    const sending = setInterval(() => stubborn.send(overrun), 50);
    context.after(() => clearInterval(sending));
    assert.equal(await stubborn.refusal(), Refusal.Malformed);
    await answersStill(bench);
  },
);

test("frames for channels that are not open are ignored", options, async (context) => {
  const { client } = await greeted(context);
  client.send(frame(0x10, 5, u32(1)), frame(0x11, 5), frame(0x12, 5, u32(1)), frame(0x13, 5), frame(0x15, 5));
  client.send(frame(0x30, 6));
  assert.ok(await client.find((got) => got.type === 0x17 && got.channel === 6));
});

test("a request from the future fails alone", options, async (context) => {
  const { client } = await greeted(context);
  client.send(frame(0x7f, 3, Buffer.from("anything")));
  const end = await client.ofType(0x17);
  assert.deepEqual([end?.payload.readUInt8(0), end?.payload.readInt32LE(4)], [3, 38]);
});

test("output stops at the credit and goes on with more", options, async (context) => {
  const bench = await startAgent(context);
  const client = await open(bench);
  client.send(hello({ window: 4096 }), exec(1, ["head", "-c", "10000", "/dev/zero"]));
  const received = (): number =>
    client.frames.filter((got) => got.type === 0x10).reduce((sum, got) => sum + got.payload.length, 0);
  await client.find(() => received() === 4096);
  client.send(frame(0x30, 2));
  await client.find((got) => got.type === 0x17 && got.channel === 2);
  assert.equal(received(), 4096);
  client.send(frame(0x12, 1, u32(4096), { stream: 1 }));
  await client.find(() => received() === 8192);
  client.send(frame(0x12, 1, u32(1_000_000), { stream: 1 }));
  await client.find((got) => got.type === 0x17 && got.channel === 1);
  assert.equal(received(), 10_000);
});

test("there are 64 channels to a connection and 8 connections", options, async (context) => {
  const { bench, client } = await greeted(context);
  for (let i = 1; i <= 64; i++) client.send(exec(i, ["sleep", "100"]));
  client.send(frame(0x30, 65));
  assert.equal(await client.refusal(), Refusal.Channels);
  const clients: RawClient[] = [];
  for (let i = 0; i < 8; i++) {
    const other = await open(bench);
    other.send(hello());
    await other.ofType(0x02);
    clients.push(other);
  }
  assert.equal(await (await open(bench)).refusal(), Refusal.Connections);
  clients[3]?.socket.destroy();
  const wait = new Promise((resolve) => clients[3]?.socket.once("close", resolve));
  await wait;
  await answersStill(bench);
});

test(
  "a connection that reads nothing does not fill the agent's memory or stop the others",
  options,
  async (context) => {
    const { bench, client } = await greeted(context);
    client.socket.pause();
    client.send(exec(1, ["cat", "/dev/zero"]), frame(0x12, 1, u32(0xf000_0000), { stream: 1 }));
    for (let i = 0; i < 20; i++) client.send(Buffer.concat(Array(1000).fill(frame(0x7f, 2))));
    await answersStill(bench);
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${bench.agent.pid}/status`, "utf8"))?.[1];
    assert.ok(Number(peak) < 4096, `${peak} KiB`);
  },
);

test("random bytes and random frames never stop the agent", options, async (context) => {
  const bench = await startAgent(context);
  for (let seed = 1; seed <= 150; seed++) {
    const prng = new Prng(seed);
    const client = await open(bench);
    if (!prng.oneIn(8)) client.send(hello());
    for (let i = 0; i < 20; i++) client.send(randomFrame(prng));
    client.socket.end();
    await client.refusal();
  }
  await answersStill(bench);
});

/* Programs and paths stay harmless: what a valid request may do here, the user running the tests would suffer. */
function randomFrame(prng: Prng): Buffer {
  const channel = prng.below(4);
  const type = prng.pick([
    0x10,
    0x11,
    0x12,
    0x13,
    0x14,
    0x15,
    0x23,
    0x24,
    0x30,
    0x70,
    prng.below(0x20),
    0x80 + prng.below(0x80),
  ]);
  if (prng.oneIn(3))
    return exec(channel, prng.pick([["true"], ["cat"], ["yes"], ["no-such"]]), prng.below(8));
  if (prng.oneIn(10)) return Buffer.from(prng.fill(new Uint8Array(prng.below(40))));
  const payload = prng.oneIn(2) ? str("/dev/null") : prng.fill(new Uint8Array(prng.below(300)));
  return frame(type, channel, Buffer.concat([payload, u32(0)]), { stream: prng.below(4) });
}
