import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { precompile, readPrecompiled } from "./precompiled.ts";

const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
/** Another one: with a custom section that says nothing. */
const OTHER_MODULE = Uint8Array.of(...EMPTY_MODULE, 0, 2, 1, 0x78);
const CODE = Uint8Array.of(1, 2, 3, 4);
const machineCode = { of: () => CODE, module: () => undefined };

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-precompiled-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("each module has its machine code, and code of others goes", async () => {
  await inFolder(async (folder) => {
    assert.equal(await readPrecompiled(EMPTY_MODULE, folder), undefined);
    await precompile([EMPTY_MODULE, OTHER_MODULE], machineCode, folder);
    assert.equal(readdirSync(folder).length, 2);
    await precompile([EMPTY_MODULE], machineCode, folder);
    assert.equal(readdirSync(folder).length, 1);
    assert.deepEqual([...((await readPrecompiled(EMPTY_MODULE, folder)) ?? [])], [...CODE]);
    assert.equal(await readPrecompiled(OTHER_MODULE, folder), undefined);
  });
});

test("damaged code is not used, and made again", async () => {
  await inFolder(async (folder) => {
    await precompile([EMPTY_MODULE], machineCode, folder);
    const [name] = readdirSync(folder) as [string];
    const bytes = readFileSync(join(folder, name));
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 1;
      writeFileSync(join(folder, name), damaged);
      assert.equal(await readPrecompiled(EMPTY_MODULE, folder), undefined, `byte ${at}`);
    }
    await precompile([EMPTY_MODULE], machineCode, folder);
    assert.notEqual(await readPrecompiled(EMPTY_MODULE, folder), undefined);
  });
});
