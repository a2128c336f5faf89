// Wrong files and wrong guests: each ends with one clear error, an exit code that is not 0, and nothing left behind.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { hearth, INITRD, KERNEL } from "./hearth-command.ts";

const directory = mkdtempSync(join(tmpdir(), "hearth-bad-input-"));
after(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, bytes: Uint8Array | number): string {
  const path = join(directory, name);
  writeFileSync(path, typeof bytes === "number" ? "" : bytes);
  if (typeof bytes === "number") truncateSync(path, bytes);
  return path;
}

function elfHeader(fileClass: number, machine: number): Uint8Array {
  const bytes = Buffer.alloc(4096);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, fileClass, 1, 1]);
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(machine, 18);
  return bytes;
}

function armImage(): Uint8Array {
  const bytes = Buffer.alloc(4096);
  bytes.write("ARMd", 0x38, "latin1");
  return bytes;
}

test("wrong kernels, initrds and disks", async (t) => {
  const kernel = readFileSync(KERNEL);
  const cases: [string, string[], string][] = [
    ["no such kernel", ["--kernel", join(directory, "none")], "kernel.missing"],
    ["a directory as kernel", ["--kernel", directory], "kernel.unreadable"],
    ["an empty kernel", ["--kernel", file("empty", 0)], "kernel.truncated"],
    ["half a kernel", ["--kernel", file("half", kernel.subarray(0, kernel.length / 2))], "kernel.truncated"],
    ["text as kernel", ["--kernel", file("text", Buffer.from("hello ".repeat(500)))], "kernel.not-a-kernel"],
    ["a 32-bit ELF", ["--kernel", file("elf32", elfHeader(1, 3))], "kernel.32-bit"],
    ["an ARM ELF", ["--kernel", file("arm-elf", elfHeader(2, 183))], "kernel.wrong-architecture"],
    ["an ARM Image", ["--kernel", file("arm", armImage())], "kernel.wrong-architecture"],
    ["no such initrd", ["--kernel", KERNEL, "--initrd", join(directory, "none")], "initrd.missing"],
    ["an initrd larger than memory", ["--initrd", file("huge", 300 * 1024 * 1024)], "initrd.too-large"],
    ["no such disk", ["--disk", join(directory, "none")], "disk.missing"],
    ["a directory as disk", ["--disk", `${directory}:ro`], "disk."],
    ["an empty disk", ["--disk", file("empty-disk", 0)], "disk.empty"],
  ];
  for (const [name, args, code] of cases)
    await t.test(name, async () => {
      const outcome = await hearth(["boot", ...args]);
      assert.match(outcome.stderr, new RegExp(`^hearth: .*\\(${code.replace(".", "\\.")}[^ ]*\\)\\n$`));
      assert.equal(outcome.code, 1);
      assert.equal(outcome.stdout, "");
    });
});

test("a disk that may not be read", {
  skip: process.getuid?.() === 0 && "root may read everything",
}, async () => {
  const path = join(directory, "secret");
  writeFileSync(path, Buffer.alloc(4096), { mode: 0o000 });
  const { code, stderr } = await hearth(["run", "--disk", `${path}:ro`, "true"]);
  assert.match(stderr, /\(disk\.unreadable\)/);
  assert.equal(code, 1);
});

test("a kernel that panics: said so, with its own words, and exit code 3", async () => {
  const { code, stdout, stderr } = await hearth([
    ...["boot", "--kernel", KERNEL, "--append", "console=ttyS0 panic=-1 reboot=k", "--timeout", "180s"],
  ]);
  assert.match(stdout, /Kernel panic - not syncing/);
  assert.match(stderr, /^hearth: The guest's kernel panicked: .*root.* \(guest\.panic\)\n$/s);
  assert.equal(code, 3);
});

test("a kernel that panics under a running command", async () => {
  const crash = ["sh", "-c", "echo going; sleep 0.2; echo c > /proc/sysrq-trigger; sleep 60"];
  const { code, stderr } = await hearth(["run", "--timeout", "180s", ...crash]);
  assert.match(stderr, /last console lines:\n( {2}\|.*\n)*.*Kernel panic/);
  assert.match(stderr, /\(guest\.panic\)\n$/);
  assert.equal(code, 3);
});

test("a guest that never answers ends at the timeout", async () => {
  const append = "console=ttyS0 quiet rdinit=/bin/sleep -- 1000";
  const args = ["boot", "--kernel", KERNEL, "--initrd", INITRD, "--append", append, "--timeout", "8s"];
  const { code, stderr } = await hearth(args);
  assert.match(stderr, /^hearth: not finished after 8 s \(guest\.timeout\)\n$/);
  assert.equal(code, 124);
});

test("no overlay, socket or other file is left in the temporary directory", () => {
  const mine = readdirSync(tmpdir()).filter((name) => name.startsWith("hearth-overlay-"));
  assert.deepEqual(mine, []);
});
