// The port on its bus, and output gathered into chunks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingLine } from "@hearth/testkit/recording-line";
import { AddressSpace } from "../../bus/address-space.ts";
import { SerialPort } from "./serial-port.ts";

test("output reaches the sink in order, when flushed or when a chunk is full", () => {
  const chunks: Uint8Array[] = [];
  const ports = new AddressSpace("port", 0);
  const port = new SerialPort(new RecordingLine(), (bytes) => chunks.push(bytes));
  port.attach(ports);
  for (let i = 0; i < 5000; i++) ports.write(0x3f8, 1, i & 0xff);
  assert.deepEqual(
    chunks.map((chunk) => chunk.length),
    [4096],
  );
  port.flush();
  port.flush();
  assert.deepEqual(
    chunks.map((chunk) => chunk.length),
    [4096, 904],
  );
  const all = chunks.flatMap((chunk) => [...chunk]);
  assert.ok(all.every((byte, i) => byte === (i & 0xff)));
  assert.equal(ports.read(0x3fd, 1), 0x60);
});
