import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TranslationFolder } from "./translation-folder.ts";

const PEER = { file: "hearth", args: [] };
const pathOf = (folder: TranslationFolder) => Object.values(folder.environment())[0] ?? "";

test("a warm peer finds what its last boot has left, a cold one nothing", () => {
  for (const translations of ["warm", "cold"] as const) {
    using folder = new TranslationFolder({ ...PEER, translations });
    writeFileSync(join(pathOf(folder), "translation"), "");
    assert.equal(readdirSync(pathOf(folder)).length, translations === "warm" ? 1 : 0);
    assert.equal(folder.needsWarming, translations === "warm");
  }
});

test("nothing stays behind, and a peer that keeps nothing gets nothing", () => {
  const folder = new TranslationFolder({ ...PEER, translations: "warm" });
  const path = pathOf(folder);
  folder[Symbol.dispose]();
  assert.ok(!existsSync(path));
  assert.deepEqual(new TranslationFolder(PEER).environment(), {});
});
