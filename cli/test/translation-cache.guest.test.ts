// Translations of guest code kept between runs: a second boot makes fewer new ones and does the same.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hearth, INITRD, KERNEL } from "./hearth-command.ts";

const BOOT = ["boot", "--kernel", KERNEL, "--initrd", INITRD, "--timeout", "180s"];
const APPEND = "console=ttyS0 quiet reboot=k panic=-1 rdinit=/bin/sh";
const SUM = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); s=$((s+i*i)); done; echo sum $s";

async function boot(folder: string): Promise<void> {
  const { code, stdout } = await hearth([...BOOT, "--append", APPEND], {
    stdin: `${SUM}\nmount -t proc proc /proc\npoweroff -f\n`,
    environment: { HEARTH_TRANSLATION_CACHE: folder },
  });
  assert.match(stdout, /sum 9004500500/);
  assert.equal(code, 0);
}

/** Bytes in the folder's files. */
function sizeOf(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

test("a second boot uses what the first one translated", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hearth-translations-"));
  try {
    await boot(folder);
    const first = sizeOf(folder);
    assert.ok(first > 100_000, `${first} bytes`);
    await boot(folder);
    const added = sizeOf(folder) - first;
    // Not few: where regions take over, other places are the hot ones. Without the cache it is as much as before.
    assert.ok(added < first * 0.8, `${first} bytes, then ${added} more`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("damaged files change nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hearth-translations-"));
  try {
    await boot(folder);
    for (const name of readdirSync(folder)) {
      const bytes = readFileSync(join(folder, name));
      bytes.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 64);
      writeFileSync(join(folder, name), bytes);
    }
    await boot(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
