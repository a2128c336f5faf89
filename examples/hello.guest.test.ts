import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("examples/hello.ts says hello", () => {
  const path = fileURLToPath(new URL("./hello.ts", import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [path], { encoding: "utf8" });
  assert.match(stdout, /^hello, world, from Linux 6\.\d+/);
  assert.equal(stderr, "");
  assert.equal(status, 0);
});
