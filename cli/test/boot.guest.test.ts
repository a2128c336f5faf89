// `hearth boot`: the serial console on standard input and output.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hearth, INITRD, KERNEL } from "./hearth-command.ts";

const SHELL = [
  "--kernel",
  KERNEL,
  "--initrd",
  INITRD,
  "--append",
  "console=ttyS0 quiet reboot=k panic=-1 rdinit=/bin/sh",
];

test("what is typed reaches the guest, and power-off ends the command with 0", async () => {
  const stdin = "echo 6*7 is $((6*7))\nmount -t proc proc /proc\npoweroff -f\n";
  const { code, stdout, stderr } = await hearth(["boot", ...SHELL, "--timeout", "180s"], { stdin });
  assert.match(stdout, /6\*7 is 42/);
  assert.equal(stderr, "");
  assert.equal(code, 0);
});

test("a reset ends the command with 0", async () => {
  const { code } = await hearth(["boot", ...SHELL, "--timeout", "180s"], { stdin: "reboot -f\n" });
  assert.equal(code, 0);
});

test("the embedded guest boots to a shell on the console", async () => {
  const { code, stdout } = await hearth(["boot", "--timeout", "180s"], {
    stdin: "echo on $(uname -n)\npoweroff\n",
  });
  assert.match(stdout, /Linux version/);
  assert.match(stdout, /on \w+/);
  assert.equal(code, 0);
});
