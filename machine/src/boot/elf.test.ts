// Kernels good and bad: every problem has its own code, and loading puts bytes and zeros where the headers say.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runFuzz } from "@hearth/testkit/fuzz";
import { tinyElf } from "@hearth/testkit/tiny-kernel";
import { HearthError } from "../errors.ts";
import { GuestMemory } from "../memory/guest-memory.ts";
import { loadElf, parseElf } from "./elf.ts";

const RAM_BYTES = 0x20_0000;
const ram = (): GuestMemory => new GuestMemory(new ArrayBuffer(RAM_BYTES), 0, RAM_BYTES);
const small = { gpa: 0x10_0000, code: Uint8Array.of(1, 2, 3) };

/** `tinyElf` with some bytes changed: [offset, byte]. */
function changed(...bytes: [offset: number, byte: number][]): Uint8Array {
  const image = tinyElf(small);
  for (const [offset, byte] of bytes) image[offset] = byte;
  return image;
}

function load(image: Uint8Array): number {
  return loadElf(ram(), image, parseElf(image));
}

describe("ELF kernels", () => {
  test("entry points: the header's, and PVH's from the note", () => {
    assert.deepEqual(parseElf(tinyElf()).entry, 0x100_0000);
    assert.equal(parseElf(tinyElf()).pvhEntry, undefined);
    assert.equal(parseElf(tinyElf({ pvhEntry: 0x100_0370 })).pvhEntry, 0x100_0370);
  });

  test("a segment is copied to its physical address and filled up with zeros", () => {
    const memory = ram();
    memory.bytes.fill(0xee);
    const image = tinyElf({ ...small, memoryBytes: 0x2000 });
    assert.equal(loadElf(memory, image, parseElf(image)), 0x10_2000);
    assert.deepEqual([...memory.slice(0x10_0000, 5)], [1, 2, 3, 0, 0]);
    assert.deepEqual(
      [memory.readU8(0x10_1fff), memory.readU8(0x10_2000), memory.readU8(0xf_ffff)],
      [0, 0xee, 0xee],
    );
  });

  const bad: [name: string, image: Uint8Array, code: string, message: RegExp][] = [
    ["not an ELF file", Uint8Array.of(1, 2, 3, 4), "kernel.not-elf64", /not an ELF/],
    ["only the magic", tinyElf().subarray(0, 4), "kernel.truncated", /truncated/],
    ["cut in the header", tinyElf().subarray(0, 63), "kernel.truncated", /header/],
    ["cut in the program headers", tinyElf().subarray(0, 100), "kernel.truncated", /program headers/],
    ["cut in a segment", tinyElf(small).subarray(0, -1), "kernel.truncated", /segment 0/],
    ["32-bit x86", changed([4, 1], [18, 3]), "kernel.32-bit", /32-bit x86/],
    ["AArch64", changed([18, 183]), "kernel.wrong-architecture", /AArch64/],
    ["RISC-V", changed([18, 243]), "kernel.wrong-architecture", /RISC-V/],
    ["an unknown machine", changed([18, 0x99], [19, 0x99]), "kernel.wrong-architecture", /39321/],
    ["big-endian s390x", changed([5, 2], [18, 0], [19, 22]), "kernel.wrong-architecture", /s390x/],
    ["an object file", changed([16, 1]), "kernel.not-elf64", /executable/],
    ["strange program headers", changed([54, 32]), "kernel.not-elf64", /program headers/],
    ["nothing to load", changed([64, 0]), "kernel.not-elf64", /nothing to load/],
    [
      "more in the file than in memory",
      tinyElf({ ...small, memoryBytes: 2 }),
      "kernel.not-elf64",
      /larger in the file/,
    ],
    ["below 1 MiB", tinyElf({ gpa: 0x8_0000 }), "kernel.outside-ram", /0x80000/],
    ["beyond RAM", tinyElf({ gpa: RAM_BYTES }), "kernel.outside-ram", /2\.0 MiB/],
    ["over the end of RAM", tinyElf({ ...small, memoryBytes: RAM_BYTES }), "kernel.outside-ram", /0x100000/],
    ["in the device hole", tinyElf({ gpa: 0xc000_0000 }), "kernel.outside-ram", /0xc0000000/],
  ];
  for (const [name, image, code, message] of bad) {
    test(`refused: ${name}`, () => {
      const isRight = (error: unknown): boolean =>
        error instanceof HearthError && error.code === code && message.test(error.message);
      assert.throws(() => load(image), isRight);
    });
  }

  test("damaged files give errors of ours or load, never anything else", (t) => {
    const original = tinyElf({ ...small, pvhEntry: 0x10_0000 });
    runFuzz(t, 500, (prng) => {
      const image = original.slice(0, prng.oneIn(4) ? prng.below(original.length) : original.length);
      for (let i = prng.below(6); i >= 0; i--)
        image[prng.below(image.length)] = prng.pick([0, 1, 0x7f, 0x80, 0xff, prng.below(256)]);
      try {
        load(image);
      } catch (error) {
        assert.ok(error instanceof HearthError, String(error));
      }
    });
  });
});
