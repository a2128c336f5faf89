import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { INSTRUCTIONS } from "../../src/isa/index.ts";
import { PSEUDO } from "../../src/isa/pseudo.ts";
import { FAMILIES, instructionList } from "./instruction-list.ts";

const PAGE = new URL("../../../../docs/instructions.md", import.meta.url);

test("docs/instructions.md lists what the tables have (HEARTH_UPDATE_DOCS=1 rewrites it)", () => {
  const text = instructionList();
  if (process.env["HEARTH_UPDATE_DOCS"] === "1") writeFileSync(PAGE, text);
  assert.ok(readFileSync(PAGE, "utf8") === text, "out of date: run this test with HEARTH_UPDATE_DOCS=1");
});

test("the families of the list are all instructions", () => {
  const listed = new Set(FAMILIES.flatMap(([, instructions]) => instructions));
  const missing = INSTRUCTIONS.filter((i) => !listed.has(i) && !PSEUDO.includes(i));
  assert.deepEqual(
    missing.map((i) => i.mnemonic),
    [],
  );
  assert.equal(listed.size + PSEUDO.length, INSTRUCTIONS.length);
});
