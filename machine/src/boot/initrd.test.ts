// Where an initrd goes and when it does not fit.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HearthError } from "../errors.ts";
import { GuestMemory } from "../memory/guest-memory.ts";
import { loadInitrd } from "./initrd.ts";

const RAM_BYTES = 0x10_0000;
const ram = (): GuestMemory => new GuestMemory(new ArrayBuffer(RAM_BYTES), 0, RAM_BYTES);
const NO_LIMIT = Number.POSITIVE_INFINITY;

describe("initrd", () => {
  const places: [name: string, sizeBytes: number, kernelEnd: number, limit: number, gpa: number][] = [
    ["a page at the top", 4096, 0, NO_LIMIT, RAM_BYTES - 4096],
    ["one byte takes a page", 1, 0, NO_LIMIT, RAM_BYTES - 4096],
    ["a page and a byte", 4097, 0, NO_LIMIT, RAM_BYTES - 8192],
    ["below the kernel's limit", 4096, 0, 0x8_0000, 0x7_f000],
    ["touching the kernel", RAM_BYTES - 0x8000, 0x8000, NO_LIMIT, 0x8000],
  ];
  for (const [name, sizeBytes, kernelEnd, limit, gpa] of places) {
    test(name, () => {
      const memory = ram();
      const initrd = new Uint8Array(sizeBytes).fill(7);
      assert.deepEqual(loadInitrd(memory, initrd, kernelEnd, limit), { gpa, sizeBytes });
      assert.deepEqual([memory.readU8(gpa), memory.readU8(gpa + sizeBytes - 1)], [7, 7]);
    });
  }

  const refused: [name: string, sizeBytes: number, kernelEnd: number, code: string][] = [
    ["empty", 0, 0, "initrd.empty"],
    ["larger than memory", RAM_BYTES + 1, 0, "initrd.too-large"],
    ["over the kernel", RAM_BYTES - 0x8000, 0x8001, "initrd.too-large"],
  ];
  for (const [name, sizeBytes, kernelEnd, code] of refused) {
    test(`refused: ${name}`, () => {
      const isRight = (error: unknown): boolean => error instanceof HearthError && error.code === code;
      assert.throws(() => loadInitrd(ram(), new Uint8Array(sizeBytes), kernelEnd, NO_LIMIT), isRight);
    });
  }
});
