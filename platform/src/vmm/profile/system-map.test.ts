import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemMap } from "./system-map.ts";

const TEXT = [
  "0000000000000000 D per_cpu_start",
  "ffffffff81000200 t helper",
  "ffffffff81000000 T _text",
  "not a line",
  "ffffffff82000000 D some_data",
  "ffffffff81000400 W weak",
].join("\n");

test("an address is in the symbol before it", () => {
  const map = SystemMap.parse(TEXT);
  assert.equal(map.size, 3);
  assert.equal(map.nameAt(0xffff_ffff_8100_0000n), "_text");
  assert.equal(map.nameAt(0xffff_ffff_8100_01ffn), "_text");
  assert.equal(map.nameAt(0xffff_ffff_8100_0200n), "helper");
  assert.equal(map.nameAt(0xffff_ffff_8100_0999n), "weak");
});

test("outside of the kernel there is no symbol", () => {
  const map = SystemMap.parse(TEXT);
  assert.equal(map.nameAt(0xffff_ffff_8200_0000n), undefined);
  assert.equal(map.nameAt(0xffff_ffff_80ff_ffffn), undefined);
  assert.equal(map.nameAt(0x7fff_0000_0000n), undefined);
  assert.equal(SystemMap.parse("").nameAt(1n), undefined);
});

test("before paging the kernel runs at physical addresses", () => {
  assert.equal(SystemMap.parse(TEXT).nameAt(0x100_0210n), "helper");
});
