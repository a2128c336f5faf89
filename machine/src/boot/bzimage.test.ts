// bzImage headers good and bad, and the compressed kernel inside.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runFuzz } from "@hearth/testkit/fuzz";
import { tinyBzImage } from "@hearth/testkit/tiny-kernel";
import { HearthError } from "../errors.ts";
import { GuestMemory } from "../memory/guest-memory.ts";
import { isBzImage, loadBzImage, parseBzImage } from "./bzimage.ts";

const RAM_BYTES = 0x140_0000;
const ram = (sizeBytes = RAM_BYTES): GuestMemory => new GuestMemory(new ArrayBuffer(sizeBytes), 0, sizeBytes);

function changed(...bytes: [offset: number, byte: number][]): Uint8Array {
  const image = tinyBzImage();
  for (const [offset, byte] of bytes) image[offset] = byte;
  return image;
}

describe("bzImage", () => {
  test("what the header says", () => {
    const kernel = parseBzImage(tinyBzImage());
    assert.deepEqual(
      [
        kernel.loadGpa,
        kernel.entry,
        kernel.initBytes,
        kernel.initrdLimit,
        kernel.code.length,
        kernel.setupHeader.length,
      ],
      [0x100_0000, 0x100_0200, 0x1_0000, 0x8000_0000, 4096, 0x202 + 0x6a - 0x1f1],
    );
  });

  test("the code goes to its preferred address; the kernel keeps init_size for itself", () => {
    const memory = ram();
    const kernel = parseBzImage(tinyBzImage(Uint8Array.of(0xaa, 0xbb)));
    assert.equal(loadBzImage(memory, kernel), 0x101_0000);
    assert.equal(memory.readU16(0x100_0ffe), 0xbbaa);
  });

  test("no setup sector count means 4", () => {
    const image = new Uint8Array(5 * 512 + 4096);
    image.set(tinyBzImage());
    image[0x1f1] = 0;
    assert.equal(parseBzImage(image).code.length, 4096);
  });

  const formats: [format: string, magic: number[]][] = [
    ["gzip", [0x1f, 0x8b]],
    ["xz", [0xfd, 0x37]],
    ["zstd", [0x28, 0xb5]],
    ["lz4", [0x02, 0x21]],
    ["elf", [0x7f, 0x45]],
    ["unknown", [0x00, 0x00]],
  ];
  for (const [format, magic] of formats) {
    test(`payload: ${format}`, () => {
      const { payload } = parseBzImage(tinyBzImage(Uint8Array.from([...magic, 9])));
      assert.deepEqual([payload.format, [...payload.bytes]], [format, [...magic, 9]]);
    });
  }

  const bad: [name: string, image: Uint8Array, code: string][] = [
    ["cut in the header", tinyBzImage().subarray(0, 0x240), "kernel.truncated"],
    ["cut in the code", tinyBzImage().subarray(0, -1), "kernel.truncated"],
    ["protocol 2.11", changed([0x206, 0x0b]), "kernel.too-old"],
    ["no 64-bit entry", changed([0x236, 0]), "kernel.32-bit"],
  ];
  for (const [name, image, code] of bad) {
    test(`refused: ${name}`, () => {
      assert.throws(
        () => parseBzImage(image),
        (error) => error instanceof HearthError && error.code === code,
      );
    });
  }

  test("refused: too little memory to unpack in", () => {
    const kernel = parseBzImage(tinyBzImage());
    const isOutside = (error: unknown): boolean =>
      error instanceof HearthError && error.code === "kernel.outside-ram";
    assert.throws(() => loadBzImage(ram(0x100_8000), kernel), isOutside);
  });

  test("recognised by boot flag and magic", () => {
    assert.equal(isBzImage(tinyBzImage()), true);
    assert.equal(isBzImage(changed([0x1fe, 0])), false);
    assert.equal(isBzImage(changed([0x202, 0])), false);
    assert.equal(isBzImage(new Uint8Array(10)), false);
  });

  test("damaged files give errors of ours or load, never anything else", (t) => {
    const memory = ram();
    runFuzz(t, 300, (prng) => {
      const image = tinyBzImage();
      for (let i = prng.below(6); i >= 0; i--)
        image[0x1f1 + prng.below(0x80)] = prng.pick([0, 1, 0x7f, 0xff, prng.below(256)]);
      try {
        loadBzImage(memory, parseBzImage(image));
      } catch (error) {
        assert.ok(error instanceof HearthError, String(error));
      }
    });
  });
});
