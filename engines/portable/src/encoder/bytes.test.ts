import assert from "node:assert/strict";
import { test } from "node:test";
import { flatten, name, signedLeb, signedLeb64, unsignedLeb, vector } from "./bytes.ts";

test("unsigned integers take seven bits a byte, lowest first", () => {
  assert.deepEqual(unsignedLeb(0), [0]);
  assert.deepEqual(unsignedLeb(127), [0x7f]);
  assert.deepEqual(unsignedLeb(128), [0x80, 0x01]);
  assert.deepEqual(unsignedLeb(624485), [0xe5, 0x8e, 0x26]);
  assert.deepEqual(unsignedLeb(0xffff_ffff), [0xff, 0xff, 0xff, 0xff, 0x0f]);
});

test("signed integers end where the sign bit says so", () => {
  assert.deepEqual(signedLeb(63), [0x3f]);
  assert.deepEqual(signedLeb(64), [0xc0, 0x00]);
  assert.deepEqual(signedLeb(-1), [0x7f]);
  assert.deepEqual(signedLeb(-123456), [0xc0, 0xbb, 0x78]);
  assert.deepEqual(signedLeb(-0x8000_0000), [0x80, 0x80, 0x80, 0x80, 0x78]);
});

test("64-bit constants are taken modulo 2^64", () => {
  assert.deepEqual(signedLeb64(-1n), [0x7f]);
  assert.deepEqual(signedLeb64(0xffff_ffff_ffff_ffffn), [0x7f]);
  assert.deepEqual(signedLeb64(1n << 62n), [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xc0, 0x00]);
});

test("pieces are joined in order whatever their nesting", () => {
  assert.deepEqual([...flatten([1, [2, [3, []], Uint8Array.of(4, 4)], [[5]]])], [1, 2, 3, 4, 4, 5]);
  assert.deepEqual([...flatten(vector([[1, 2], [3]]))], [2, 1, 2, 3]);
  assert.deepEqual([...flatten(name("é"))], [2, 0xc3, 0xa9]);
});
