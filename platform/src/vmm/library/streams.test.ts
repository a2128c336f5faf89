// The two halves of a stream into the guest, joined without threads: VsockBridge beside a scripted device, GuestStreams
// on the other side.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { VsockStream, VsockStreamHandlers } from "@hearth/machine";
import { HearthError } from "@hearth/machine/errors";
import { GuestStreams } from "./guest-streams.ts";
import type { FromRunner, ToRunner } from "../runner/messages.ts";
import { VsockBridge } from "../runner/vsock-bridge.ts";

class FakeStream implements VsockStream {
  readonly hostPort = 1;
  readonly guestPort: number;
  isClosed = false;
  isPaused = false;
  handlers: VsockStreamHandlers = {};
  written = "";

  constructor(guestPort: number) {
    this.guestPort = guestPort;
  }

  write(data: Uint8Array): boolean {
    this.written += new TextDecoder().decode(data);
    return true;
  }

  end(): void {}

  destroy(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.handlers.close?.("destroyed");
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }
}

/** A bridge to a guest that makes one stream a connect, and the streams of the main thread on top of it. */
function bench(isConsuming = true) {
  const made: FakeStream[] = [];
  const device = {
    connect: (port: number) => {
      const stream = new FakeStream(port);
      made.push(stream);
      return stream;
    },
    listen: () => () => {},
  };
  const streams = new GuestStreams((message) => toRunner(message));
  const bridge = new VsockBridge(device, (message: FromRunner) => {
    if ("id" in message) streams.receive(message);
  });
  function toRunner(message: ToRunner): void {
    if (message.kind === "connect") bridge.connect(message.id, message.port);
    if (message.kind === "data") bridge.data(message.id, message.bytes);
    if (message.kind === "close") bridge.close(message.id);
    if (message.kind === "taken" && isConsuming) bridge.taken(message.id, message.sizeBytes);
  }
  return { made, streams };
}

async function connected(isConsuming = true) {
  const { made, streams } = bench(isConsuming);
  const connecting = streams.connect(1024);
  const fake = made[0] as FakeStream;
  fake.handlers.open?.();
  return { fake, streams, stream: await connecting };
}

test("bytes go both ways", async () => {
  const { fake, stream } = await connected();
  let heard = "";
  stream.onData((bytes) => {
    heard += new TextDecoder().decode(bytes);
  });
  stream.write(new TextEncoder().encode("ping"));
  fake.handlers.data?.(new TextEncoder().encode("pong"));
  assert.deepEqual([fake.guestPort, fake.written, heard], [1024, "ping", "pong"]);
  stream.close();
  assert.ok(fake.isClosed);
});

test("a refused connection is an error", async () => {
  const { made, streams } = bench();
  const connecting = streams.connect(7);
  made[0]?.handlers.close?.("refused");
  await assert.rejects(connecting, { code: "vsock.refused" });
});

test("a reader that falls behind pauses its connection until it has caught up", async () => {
  const slow = await connected(false);
  for (let i = 0; i < 8; i++) slow.fake.handlers.data?.(new Uint8Array(65_536));
  assert.equal(slow.fake.isPaused, true);
  const quick = await connected();
  for (let i = 0; i < 8; i++) quick.fake.handlers.data?.(new Uint8Array(65_536));
  assert.equal(quick.fake.isPaused, false);
});

test("a connection the guest closes is told late, and as the machine's end if that follows", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const alone = await connected();
  let isTold = false;
  alone.stream.onClose((reason) => {
    isTold = true;
    assert.equal(reason, undefined);
  });
  alone.fake.handlers.close?.("reset");
  assert.equal(isTold, false);
  t.mock.timers.tick(10_000);
  assert.equal(isTold, true);

  const dying = await connected();
  let cause: Error | undefined;
  dying.stream.onClose((reason) => {
    cause = reason;
  });
  dying.fake.handlers.close?.("reset");
  const end = new HearthError("guest.ended", "The guest powered off.");
  dying.streams.closeAll(end);
  assert.equal(cause, end);
});

test("a connection that is still being made when the machine ends fails with that end", async () => {
  const { streams } = bench();
  const connecting = streams.connect(1024);
  streams.closeAll(new HearthError("guest.panic", "The guest's kernel panicked."));
  await assert.rejects(connecting, { code: "guest.panic" });
});
