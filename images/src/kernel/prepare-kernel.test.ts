import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { HearthError } from "@hearth/machine/errors";
import { prepareKernel } from "./prepare-kernel.ts";

const SEGMENT_BYTES = 5000;

/** An ELF64 x86-64 executable with one loadable segment. */
function elf(change: (view: DataView) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(120 + SEGMENT_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setBigUint64(72, 120n, true);
  view.setBigUint64(96, BigInt(SEGMENT_BYTES), true);
  change(view);
  return bytes;
}

/** A bzImage of protocol 2.15 around `payload`. */
function bzImage(payload: Uint8Array, loadFlags = 1): Uint8Array {
  const setupBytes = 1024;
  const bytes = new Uint8Array(Math.ceil((setupBytes + 16 + payload.length) / 16) * 16);
  const view = new DataView(bytes.buffer);
  bytes[0x1f1] = 1;
  view.setUint32(0x1f4, (bytes.length - setupBytes) / 16, true);
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, 0x20f, true);
  view.setUint16(0x236, loadFlags, true);
  view.setUint32(0x248, 16, true);
  view.setUint32(0x24c, payload.length, true);
  bytes.set(payload, setupBytes + 16);
  return bytes;
}

function withSize(compressed: Uint8Array, sizeBytes: number): Uint8Array {
  const trailer = Buffer.alloc(4);
  trailer.writeUInt32LE(sizeBytes);
  return Buffer.concat([compressed, trailer]);
}

function codeOf(file: Uint8Array): string {
  try {
    prepareKernel(file, "k");
    return "none";
  } catch (error) {
    if (error instanceof HearthError) return error.code;
    throw error;
  }
}

test("an ELF kernel passes as it is, and compressed as a whole", () => {
  const kernel = elf();
  assert.deepEqual(prepareKernel(kernel, "k"), { format: "elf", bytes: kernel });
  assert.deepEqual(Buffer.from(prepareKernel(gzipSync(kernel), "k").bytes), Buffer.from(kernel));
});

test("a bzImage is opened to its ELF", () => {
  const kernel = elf();
  for (const payload of [gzipSync(kernel), withSize(zstdCompressSync(kernel), kernel.length), kernel]) {
    const prepared = prepareKernel(bzImage(payload), "k");
    assert.equal(prepared.format, "elf");
    assert.deepEqual(Buffer.from(prepared.bytes.subarray(0, kernel.length)), Buffer.from(kernel));
  }
});

test("a bzImage whose compression is unknown here is left to the guest", () => {
  const lzo = new Uint8Array(4096).fill(7);
  lzo.set([0x89, 0x4c, 0x5a, 0x4f]);
  assert.equal(prepareKernel(bzImage(lzo), "k").format, "bzimage");
});

test("each wrong file has its own code", () => {
  const kernel = elf();
  const whole = bzImage(gzipSync(kernel));
  const damaged = bzImage(withSize(zstdCompressSync(kernel), kernel.length));
  damaged.fill(0xaa, 1024 + 16 + 8, 1024 + 16 + 40);
  const arm64 = new Uint8Array(4096);
  arm64.set([0x41, 0x52, 0x4d, 0x64], 0x38);
  const cases: [string, Uint8Array, string][] = [
    ["empty", new Uint8Array(0), "kernel.truncated"],
    ["text", Buffer.from("not a kernel ".repeat(100)), "kernel.not-a-kernel"],
    ["short ELF", kernel.subarray(0, 15), "kernel.truncated"],
    ["ELF cut in its headers", kernel.subarray(0, 80), "kernel.truncated"],
    ["ELF cut in its segment", kernel.subarray(0, 3000), "kernel.truncated"],
    ["32-bit ELF", elf((view) => view.setUint8(4, 1)), "kernel.32-bit"],
    ["i386 ELF", elf((view) => view.setUint16(18, 3, true)), "kernel.32-bit"],
    ["ARM ELF", elf((view) => view.setUint16(18, 183, true)), "kernel.wrong-architecture"],
    ["ARM Image", arm64, "kernel.wrong-architecture"],
    ["ARM Image.gz", gzipSync(arm64), "kernel.wrong-architecture"],
    ["a Linux program", elf((view) => view.setUint32(64, 3, true)), "kernel.not-a-kernel"],
    ["cut bzImage", whole.subarray(0, whole.length - 100), "kernel.truncated"],
    ["32-bit bzImage", bzImage(gzipSync(kernel), 0), "kernel.32-bit"],
    [
      "bzImage with an ARM ELF",
      bzImage(gzipSync(elf((v) => v.setUint16(18, 40, true)))),
      "kernel.wrong-architecture",
    ],
    ["damaged payload", damaged, "kernel.corrupt"],
    ["damaged gzip", gzipSync(kernel).subarray(0, 60), "kernel.corrupt"],
  ];
  for (const [name, file, code] of cases) assert.equal(codeOf(file), code, name);
});
