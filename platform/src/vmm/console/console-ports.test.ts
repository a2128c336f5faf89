// Where keys go and what becomes of output, with two consoles and a guest that uses either.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { plugIn, type VirtioRig } from "@hearth/testkit/virtio/rig";
import { ConsolePorts } from "./console-ports.ts";

const text = (value: string) => new Uint8Array(Buffer.from(value));

let ports: ConsolePorts;
let rig: VirtioRig;
let serial: { isListening: boolean; typed: string };

beforeEach(() => {
  ports = new ConsolePorts();
  rig = plugIn(ports.virtio, 4 * 1024 * 1024);
  rig.driver.start();
  serial = { isListening: false, typed: "" };
  ports.attachSerial({
    get isListening() {
      return serial.isListening;
    },
    offer: (bytes) => {
      serial.typed += Buffer.from(bytes).toString();
      return bytes.length;
    },
  });
});

function writeVirtio(value: string): void {
  rig.driver.queues[1]!.offer(rig.driver.arena.readable(text(value)));
  rig.driver.notify(1);
}

/** What the guest reads from the virtio console. */
function virtioTyped(): string {
  const buffer = rig.driver.arena.writable(16);
  rig.driver.queues[0]!.offer(buffer);
  rig.driver.notify(0);
  const sizeBytes = rig.driver.queues[0]!.takeUsed()[0]?.writtenBytes ?? 0;
  return Buffer.from(rig.driver.arena.contentOf(buffer)).subarray(0, sizeBytes).toString();
}

test("keys wait until the guest listens on the serial port or has written to the virtio console", () => {
  ports.type(text("early"));
  assert.equal(ports.pumpInput(), false);
  serial.isListening = true;
  assert.equal(ports.pumpInput(), true);
  assert.deepEqual([serial.typed, virtioTyped()], ["early", ""]);
});

test("a driver that has only started, without a console on it, gets no keys", () => {
  ports.type(text("x"));
  ports.pumpInput();
  assert.equal(virtioTyped(), "");
});

test("with shells on both, keys go to the one that wrote last", () => {
  serial.isListening = true;
  writeVirtio("# ");
  ports.type(text("one"));
  ports.pumpInput();
  ports.serialOutput(text("login: "));
  ports.type(text("two"));
  ports.pumpInput();
  assert.deepEqual([serial.typed, virtioTyped()], ["two", "one"]);
});

test("kernel messages on a serial port that nobody reads do not draw the keys away", () => {
  writeVirtio("# ");
  ports.serialOutput(text("[1.0] message"));
  ports.type(text("ls"));
  ports.pumpInput();
  assert.deepEqual([serial.typed, virtioTyped()], ["", "ls"]);
});

test("output of both is one stream; a flood waits in the guest's ring", () => {
  ports.serialOutput(text("a"));
  writeVirtio("b");
  assert.equal(Buffer.from(ports.takeOutput() ?? []).toString(), "ab");
  assert.equal(ports.takeOutput(), undefined);
  const megabyte = { gpa: 0x1000, sizeBytes: 1024 * 1024, isWritable: false };
  for (let i = 0; i < 8; i++) rig.driver.queues[1]!.offer(megabyte);
  rig.driver.notify(1);
  let taken = 0;
  for (let chunk = ports.takeOutput(); chunk !== undefined; chunk = ports.takeOutput()) {
    assert.ok(chunk.length <= 1024 * 1024);
    taken += chunk.length;
  }
  assert.equal(taken, 8 * 1024 * 1024);
});
