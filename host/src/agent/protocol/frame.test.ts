import assert from "node:assert/strict";
import { test } from "node:test";
import { HearthError } from "@hearth/machine/errors";
import { encodeFrame, FrameParser, FrameType, MAX_PAYLOAD_BYTES } from "./frame.ts";

const isProtocolError = (error: unknown) => error instanceof HearthError && error.code === "agent.protocol";

test("a frame is laid out as the document draws it", () => {
  const bytes = encodeFrame(0x01020304, FrameType.Data, 2, Uint8Array.of(9, 8, 7));
  assert.equal(Buffer.from(bytes).toString("hex"), "03000000040302011002000009080" + "7");
});

test("frames come out whole however the bytes are cut", () => {
  const frames = [
    encodeFrame(1, FrameType.Data, 1, new Uint8Array(300).fill(5)),
    encodeFrame(2, FrameType.Eof, 1),
    encodeFrame(3, FrameType.Data, 2, new Uint8Array(MAX_PAYLOAD_BYTES).fill(6)),
  ];
  const all = Buffer.concat(frames);
  for (const step of [1, 5, 12, 13, 311, 4096, all.length]) {
    const parser = new FrameParser();
    const seen: string[] = [];
    for (let at = 0; at < all.length; at += step)
      for (const frame of parser.push(all.subarray(at, at + step)))
        seen.push(
          `${frame.channel}/${frame.type}/${frame.stream}/${frame.payload.length}/${frame.payload[0]}`,
        );
    assert.deepEqual(seen, ["1/16/1/300/5", "2/17/1/0/undefined", "3/16/2/65536/6"], `step ${step}`);
    assert.ok(parser.isAtBoundary());
  }
});

test("headers that cannot be are refused at once", () => {
  const tooLong = Buffer.from(encodeFrame(1, FrameType.Data, 1));
  tooLong.writeUInt32LE(MAX_PAYLOAD_BYTES + 1, 0);
  const reserved = Buffer.from(encodeFrame(1, FrameType.Data, 1));
  reserved[11] = 1;
  for (const bytes of [tooLong, reserved])
    assert.throws(() => new FrameParser().push(bytes), isProtocolError);
});

test("the end of the stream inside a frame is visible", () => {
  const parser = new FrameParser();
  parser.push(encodeFrame(1, FrameType.Data, 1, new Uint8Array(4)).subarray(0, 14));
  assert.equal(parser.isAtBoundary(), false);
});
