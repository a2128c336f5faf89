import assert from "node:assert/strict";
import { test } from "node:test";
import { regionAddress, regionName } from "./region-name.ts";

test("a region's name leads back to its address", () => {
  for (const address of [0n, 0x40_1000n, 0xffff_ffff_8100_0abcn])
    assert.equal(regionAddress(regionName(address)), address);
  assert.equal(regionName(-1n), "region ffffffffffffffff");
});

test("other names are no regions", () => {
  for (const name of ["region", "region 12", "region xyz", "a region 0000000000000000", "jumpFar"])
    assert.equal(regionAddress(name), undefined);
});
