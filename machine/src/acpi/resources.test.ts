// Resource descriptors byte by byte (ACPI 6.5, 6.4).

import assert from "node:assert/strict";
import { test } from "node:test";
import { edgeInterrupt, ioPorts, memory32Fixed, resourceTemplate } from "./resources.ts";

const hex = (bytes: readonly number[]): string =>
  bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

test("fixed memory", () =>
  assert.equal(hex(memory32Fixed(0xc000_1000, 0x1000)), "86 09 00 01 00 10 00 c0 00 10 00 00"));
test("edge interrupt", () => assert.equal(hex(edgeInterrupt(5)), "89 06 00 03 01 05 00 00 00"));
test("ports", () => assert.equal(hex(ioPorts(0x3f8, 8)), "47 01 f8 03 f8 03 01 08"));
test("a template is a buffer with an end tag", () =>
  assert.equal(hex(resourceTemplate([1, 2])), "11 07 0a 04 01 02 79 00"));
