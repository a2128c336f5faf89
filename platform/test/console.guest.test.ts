// A kernel with its console on the virtio device instead of the serial port: read, typed into, flooded.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { Machine } from "../src/index.ts";

const GUEST = new URL("../../guest/", import.meta.url);
const FLOOD_LINES = 4000;

test("console=hvc0: a shell, a flood of output, and disks keep their names", {
  timeout: 180_000,
}, async () => {
  await using machine = await Machine.start({
    kernel: fileURLToPath(new URL("kernel/vmlinuz", GUEST)),
    initrd: fileURLToPath(new URL("rootfs/base.cpio.gz", GUEST)),
    disks: [{ path: fileURLToPath(new URL("rootfs/base.cpio.gz", GUEST)), mode: "read-only" }],
    cmdline: "console=hvc0 quiet reboot=k panic=-1 rdinit=/bin/sh",
    hasAgent: false,
  });
  machine.console.write(
    "mount -t sysfs s /sys; echo disks: $(ls /sys/block | grep vd)\n" +
      `i=0; while [ $i -lt 200 ]; do seq 100001 ${100_000 + FLOOD_LINES / 200}; i=$((i+1)); done; poweroff -f\n`,
  );
  let output = "";
  for await (const chunk of machine.console) output += Buffer.from(chunk).toString("latin1");
  assert.match(output, /disks: vda\r?\n/);
  assert.equal(output.match(/^100\d{3}\r?$/gm)?.length, FLOOD_LINES);
  assert.equal((await machine.exited).reason, "power-off");
});
