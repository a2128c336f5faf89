// The same kernel in every form it can be handed over, each to a shell on the console that runs a program.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { kernelImage } from "@hearth/guest";
import { openKernel } from "@hearth/images";
import { Machine } from "../src/index.ts";

const KERNEL = fileURLToPath(new URL("../../guest/kernel/vmlinuz", import.meta.url));
const INITRD = fileURLToPath(new URL("../../guest/rootfs/base.cpio.gz", import.meta.url));
/** Setup header field payload_length (Documentation/arch/x86/boot.rst). */
const OFFSET_PAYLOAD_LENGTH = 0x24c;
const TIMEOUT_MS = 240_000;

const directory = mkdtempSync(join(tmpdir(), "hearth-kernels-"));
after(() => rmSync(directory, { recursive: true, force: true }));

async function bootsToShell(kernel: string): Promise<void> {
  await using machine = await Machine.start({
    kernel,
    initrd: INITRD,
    cmdline: "console=ttyS0 quiet reboot=k panic=-1 rdinit=/bin/sh",
    hasAgent: false,
  });
  machine.console.write("echo 6*7 is $((6*7)); echo hearth | sha256sum; poweroff -f\n");
  let output = "";
  for await (const bytes of machine.console) output += Buffer.from(bytes).toString("latin1");
  assert.match(output, /^6\*7 is 42\r$/m);
  assert.match(output, /^1613649c73bcb7784a5882325c6ae45ff0d6cb45c2d0662e2f975a086f0d25ad {2}-\r$/m);
  assert.equal((await machine.exited).reason, "power-off");
}

test("a bzImage, opened on the host", { timeout: TIMEOUT_MS }, () => bootsToShell(KERNEL));

test("an ELF file", { timeout: TIMEOUT_MS }, async () => {
  const { format, bytes } = openKernel(await kernelImage(), "the embedded kernel");
  assert.equal(format, "elf");
  const path = join(directory, "vmlinux");
  writeFileSync(path, bytes);
  await bootsToShell(path);
});

test("a bzImage that decompresses itself in the guest", { timeout: TIMEOUT_MS }, async () => {
  const image = readFileSync(KERNEL);
  // The host does not find the compressed kernel any more; the code in front of it does not need this field.
  image.writeUInt32LE(0, OFFSET_PAYLOAD_LENGTH);
  assert.equal(openKernel(image, "the image").format, "bzimage");
  const path = join(directory, "bzImage");
  writeFileSync(path, image);
  await bootsToShell(path);
});
