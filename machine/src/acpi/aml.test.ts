// Encodings of single AML terms, by the grammar of ACPI 6.5 chapter 20. Expected bytes are written by hand.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AssertionError } from "../errors.ts";
import {
  type Aml,
  amlBuffer,
  amlDevice,
  amlEisaId,
  amlIfArg0Equals,
  amlInteger,
  amlMethod,
  amlName,
  amlNotify,
  amlPackage,
  amlPath,
  amlScope,
  amlString,
} from "./aml.ts";

const hex = (bytes: Aml): string => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

describe("AML", () => {
  const cases: [name: string, actual: Aml, expected: string][] = [
    ["Zero", amlInteger(0), "00"],
    ["One", amlInteger(1), "01"],
    ["byte", amlInteger(0xff), "0a ff"],
    ["word", amlInteger(0x100), "0b 00 01"],
    ["dword", amlInteger(0xc000_1000), "0c 00 10 00 c0"],
    ["qword", amlInteger(0x1_0000_0000n), "0e 00 00 00 00 01 00 00 00"],
    ["string", amlString("AB"), "0d 41 42 00"],
    ["EISA id PNP0501", amlEisaId("PNP0501"), "0c 41 d0 05 01"],
    ["EISA id PNP0A08", amlEisaId("PNP0A08"), "0c 41 d0 0a 08"],
    ["name", amlPath("_HID"), "5f 48 49 44"],
    ["padded name", amlPath("PS2"), "50 53 32 5f"],
    ["root", amlPath("\\"), "5c 00"],
    ["two names from the root", amlPath("\\_SB.VGEN"), "5c 2e 5f 53 42 5f 56 47 45 4e"],
    ["three names", amlPath("A.B.C"), "2f 03 41 5f 5f 5f 42 5f 5f 5f 43 5f 5f 5f"],
    ["Name", amlName("_UID", amlInteger(0)), "08 5f 55 49 44 00"],
    ["Package", amlPackage(amlInteger(5), amlInteger(0)), "12 05 02 0a 05 00"],
    ["Buffer", amlBuffer([9, 8]), "11 05 0a 02 09 08"],
    ["Device", amlDevice("COM1"), "5b 82 05 43 4f 4d 31"],
    ["Scope", amlScope("\\_SB"), "10 06 5c 5f 53 42 5f"],
    ["Method", amlMethod("_EVT", 1), "14 06 5f 45 56 54 09"],
    ["If", amlIfArg0Equals(8, amlNotify("V", 0x80)), "a0 0c 93 68 0a 08 86 56 5f 5f 5f 0a 80"],
  ];
  for (const [name, actual, expected] of cases) test(name, () => assert.equal(hex(actual), expected));

  const lengths: [bodyBytes: number, prefix: string][] = [
    [62, "3f"],
    [63, "41 04"],
    [4093, "4f ff"],
    [4094, "81 00 01"],
    [0xf_fffc, "8f ff ff"],
    [0xf_fffd, "c1 00 00 01"],
  ];
  for (const [bodyBytes, prefix] of lengths) {
    test(`the length in front of ${bodyBytes} bytes counts itself`, () => {
      // A scope's body is its four-byte name and its terms.
      const encoded = amlScope("ABCD", new Array<number>(bodyBytes - 4).fill(0));
      assert.equal(hex(encoded.slice(1, 1 + prefix.split(" ").length)), prefix);
    });
  }

  for (const id of ["PNP050", "pnp0501", "PNP05G1"]) {
    test(`${id} is no EISA id`, () => assert.throws(() => amlEisaId(id), AssertionError));
  }
});
