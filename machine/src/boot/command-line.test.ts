// Where the machine's words go, and what is refused.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HearthError } from "../errors.ts";
import { GuestMemory } from "../memory/guest-memory.ts";
import { insertKernelWords, virtioMmioWord, writeCommandLine } from "./command-line.ts";
import { COMMAND_LINE_GPA } from "./memory-layout.ts";

describe("kernel command line", () => {
  const cases: [text: string, words: string[], expected: string][] = [
    ["", [], ""],
    ["console=ttyS0", [], "console=ttyS0"],
    ["  console=ttyS0 ", ["a=1", "b"], "console=ttyS0 a=1 b"],
    ["", ["a"], "a"],
    ["quiet -- --help x", ["a"], "quiet a -- --help x"],
    ["quiet --", ["a"], "quiet a --"],
    ["-- sh", ["a"], "a -- sh"],
    ["x=-- y--z --w", ["a"], "x=-- y--z --w a"],
  ];
  for (const [text, words, expected] of cases) {
    test(JSON.stringify(text), () => assert.equal(insertKernelWords(text, words), expected));
  }

  test("the virtio_mmio word", () => {
    assert.equal(
      virtioMmioWord({ gpa: 0xc000_1000, sizeBytes: 0x1000, gsi: 5 }),
      "virtio_mmio.device=4K@0xc0001000:5",
    );
  });

  const memory = (): GuestMemory => new GuestMemory(new ArrayBuffer(0x4_0000), 0, 0x4_0000);

  test("it ends with a zero in memory, up to 2047 characters", () => {
    const ram = memory();
    ram.bytes.fill(0xff);
    writeCommandLine(ram, "x".repeat(2047));
    assert.deepEqual([ram.readU8(COMMAND_LINE_GPA + 2046), ram.readU8(COMMAND_LINE_GPA + 2047)], [0x78, 0]);
  });

  for (const text of ["x".repeat(2048), "a\nb", "a\0b", "grüezi"]) {
    test(`refused: ${JSON.stringify(text.slice(0, 10))}`, () => {
      const isOurs = (error: unknown): boolean =>
        error instanceof HearthError && error.code === "boot.command-line";
      assert.throws(() => writeCommandLine(memory(), text), isOurs);
    });
  }
});
