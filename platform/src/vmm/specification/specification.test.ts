import assert from "node:assert/strict";
import { test } from "node:test";
import { HearthError } from "@hearth/machine/errors";
import { type MachineOptions, specify } from "./specification.ts";

function codeOf(options: MachineOptions): string {
  try {
    specify(options);
    return "none";
  } catch (error) {
    if (error instanceof HearthError) return error.code;
    throw error;
  }
}

test("defaults are the embedded guest on 128 MiB", () => {
  const specification = specify({});
  assert.equal(specification.memoryBytes, 128 * 1024 * 1024);
  assert.equal(specification.kernelPath, undefined);
  assert.deepEqual(specification.initrd, { kind: "embedded" });
  assert.match(specification.cmdline, /console=ttyS0/);
  assert.doesNotMatch(specification.cmdline, /cpu_init_udelay/);
  assert.match(specify({ vcpus: 2 }).cmdline, / cpu_init_udelay=0 /);
});

test("a kernel of one's own comes without the embedded root file system", () => {
  const specification = specify({ kernel: "/k", cmdline: "console=ttyS0", extraCmdline: "quiet" });
  assert.equal(specification.kernelPath, "/k");
  assert.deepEqual(specification.initrd, { kind: "none" });
  assert.equal(specification.cmdline, "console=ttyS0 quiet");
});

test("where an agent is expected, it is asked to say when it listens", () => {
  assert.match(
    specify({ kernel: "/k", extraCmdline: "root=/dev/vda" }).cmdline,
    /hearth\.ready=\d+ .*root=\/dev\/vda$/,
  );
  assert.equal(specify({ kernel: "/k", hasAgent: false }).cmdline, "console=ttyS0");
});

test("each impossible request has its code", () => {
  const cases: [MachineOptions, string][] = [
    [{ memoryMib: 32 }, "none"],
    [{ memoryMib: 3840 }, "none"],
    [{ memoryMib: 31 }, "memory.too-small"],
    [{ memoryMib: 3841 }, "memory.too-large"],
    [{ memoryMib: 0 }, "memory.invalid"],
    [{ memoryMib: 64.5 }, "memory.invalid"],
    [{ memoryMib: Number.NaN }, "memory.invalid"],
    [{ vcpus: 33 }, "vcpus.invalid"],
    [{ vcpus: 1.5 }, "vcpus.invalid"],
    [{ vcpus: 0 }, "vcpus.invalid"],
    [{ engine: "portable" }, "none"],
    [{ engine: "kvm" }, "engine.not-built"],
    [{ engine: "qemu" }, "engine.unknown"],
    [
      { disks: Array.from({ length: 17 }, () => ({ path: "d", mode: "copy-on-write" }) as const) },
      "disk.too-many",
    ],
  ];
  for (const [options, code] of cases) assert.equal(codeOf(options), code, JSON.stringify(options));
});
