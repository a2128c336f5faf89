import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { kernelFolder, translationFolder } from "./cache-folders.ts";

test("translations are kept where the user's cached files are", () => {
  assert.equal(translationFolder({ XDG_CACHE_HOME: "/there" }), "/there/hearth/translations");
  assert.equal(translationFolder({}), join(homedir(), ".cache/hearth/translations"));
  assert.equal(translationFolder({ XDG_CACHE_HOME: "relative" }), translationFolder({}));
});

test("the environment names another folder or none", () => {
  assert.equal(translationFolder({ HEARTH_TRANSLATION_CACHE: "/mine", XDG_CACHE_HOME: "/there" }), "/mine");
  assert.equal(translationFolder({ HEARTH_TRANSLATION_CACHE: "off" }), undefined);
});

test("decompressed kernels have a folder and a variable of their own", () => {
  assert.equal(kernelFolder({ XDG_CACHE_HOME: "/there" }), "/there/hearth/kernels");
  assert.equal(kernelFolder({ HEARTH_KERNEL_CACHE: "/mine" }), "/mine");
  assert.equal(kernelFolder({ HEARTH_KERNEL_CACHE: "off" }), undefined);
});
