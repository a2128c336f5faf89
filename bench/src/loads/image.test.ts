import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { keyOf } from "./image.ts";

test("the image's key changes with content and name of every file, and with nothing else", () => {
  const folder = mkdtempSync(join(tmpdir(), "loads-"));
  try {
    mkdirSync(join(folder, "guest"));
    const write = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return keyOf(folder);
    };
    const first = write("make-image.sh", "a");
    const second = write("guest/one", "b");
    const third = write("guest/one", "c");
    const fourth = write("guest/two", "");
    assert.equal(new Set([first, second, third, fourth]).size, 4);
    assert.equal(write("elsewhere", "d"), fourth);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
