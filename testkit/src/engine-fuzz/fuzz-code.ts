// Random guest code. Bytes drawn evenly are mostly faults at once, so the harder part of the instruction set is drawn more often:
// system instructions, repeated string instructions, short loops, prefixes.

import type { Prng } from "../prng.ts";

const hex = (text: string): number[] => text.split(" ").map((byte) => Number.parseInt(byte, 16));

/** Pieces worth meeting often; some lack operand bytes, which then are whatever follows. */
const PIECES = [
  "90",
  "f4",
  "fa",
  "fb",
  "9c",
  "9d",
  "cf",
  "48 cf",
  "cb",
  "48 cb",
  "c3",
  "cc",
  "cd",
  "f1",
  "ce",
  "0f 05",
  "0f 07",
  "48 0f 07",
  "0f 34",
  "0f 35",
  "48 0f 35",
  "0f 01 f8",
  "0f 01 ca",
  "0f 01 cb",
  "0f 30",
  "0f 32",
  "0f 31",
  "0f a2",
  "0f 06",
  "0f 09",
  "0f 0b",
  "0f 01 f9",
  "0f 20 c0",
  "0f 20 d8",
  "0f 20 e0",
  "0f 22 c0",
  "0f 22 d0",
  "0f 22 d8",
  "0f 22 e0",
  "44 0f 22 c0",
  "0f 21 c0",
  "0f 23 c0",
  "0f 23 c8",
  "0f 23 f0",
  "0f 23 f8",
  "0f 01",
  "0f 00",
  "66 0f 38 82",
  "8e d0",
  "8e d8",
  "8e e0",
  "8e e8",
  "17",
  "1f",
  "0f a1",
  "0f a9",
  "ff 28",
  "ff 18",
  "ff 2d",
  "ea",
  "9a",
  "f3 a4",
  "f3 48 a5",
  "f3 aa",
  "f3 48 ab",
  "f3 ac",
  "f2 ae",
  "f3 a6",
  "f3 6c",
  "f3 6e",
  "f3 6d",
  "67 f3 a4",
  "fc",
  "fd",
  "a4",
  "a5",
  "aa",
  "ab",
  "ec",
  "ed",
  "ee",
  "ef",
  "e4",
  "e6",
  "0f ae 00",
  "0f ae 08",
  "48 0f ae 08",
  "0f ae 10",
  "d9",
  "dd",
  "df",
  "9b",
  "db e3",
  "0f 77",
  "f0 0f b1 0b",
  "f0 48 0f c7 0f",
  "f0 0f c7 0f",
  "87 03",
  "f0 ff 03",
  "c8",
  "c9",
  "60",
  "61",
  "62",
  "0f c7 f0",
  "f3 90",
  "eb fe",
  "eb f0",
  "eb e0",
  "e2 f4",
  "75 f2",
  "0f 84",
  "e8 00 00 00 00",
  "e9",
  "89 03",
  "48 89 07",
  "c6 03",
  "88 05 00 00 00 00",
  "ff 03",
  "48 8b 04 24",
  "50",
  "58",
  "0f 11 03",
  "66 0f 6f 03",
  "f3 0f 7f 07",
].map(hex);

/** Immediate loads with values that matter: MSR numbers, control register bits, selectors. */
const VALUES = [
  0x10, 0x1b, 0x174, 0x175, 0x176, 0xc000_0080, 0xc000_0081, 0xc000_0082, 0xc000_0100, 0xc000_0102,
  0xc000_0103, 0x8000_0011, 0x8001_0033, 0x11, 0x6b0, 0x30_06b0, 0x2_06b0, 0xd01, 0x501, 0x500, 0x100, 0x401,
  0x2400, 0x000d_0001, 0x0003_00ff, 8, 0x10, 0x23, 0x1b, 0x2b, 0x30, 0x40, 0x48, 0x1f80, 0, 0x37f, 0x1000,
  0x1_0000, 0x4_0000, 0x10_2,
];

/** Fills `target` with code. */
export function fuzzCode(prng: Prng, target: Uint8Array): void {
  const evenly = prng.oneIn(5);
  let at = 0;
  while (at < target.length) {
    const bytes = evenly ? [prng.below(256)] : nextPiece(prng);
    target.set(bytes.slice(0, target.length - at), at);
    at += bytes.length;
  }
}

function nextPiece(prng: Prng): readonly number[] {
  switch (prng.below(8)) {
    case 0:
      return [prng.below(256)];
    case 1:
      return [0x0f, prng.below(256), prng.below(256)];
    case 2: {
      // MOV r32, imm32
      const value = prng.oneIn(3) ? prng.u32() : prng.pick(VALUES);
      return [0xb8 + prng.below(8), value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
    }
    case 3:
      return [prng.pick([0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x48, 0x4f, 0x64, 0x65, 0x2e]), ...prng.pick(PIECES)];
    default:
      return prng.pick(PIECES);
  }
}
