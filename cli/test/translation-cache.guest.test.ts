// Translations of guest code kept between runs: a second boot makes fewer new ones and does the same.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hearth, INITRD, KERNEL } from "./hearth-command.ts";

const BOOT = ["boot", "--kernel", KERNEL, "--initrd", INITRD, "--timeout", "180s"];
const APPEND = "console=ttyS0 quiet reboot=k panic=-1 rdinit=/bin/sh";
const SUM = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); s=$((s+i*i)); done; echo sum $s";

/** Answers the report of where time went. */
async function boot(folder: string): Promise<string> {
  const profile = `--profile=${join(folder, "profile.svg")}`;
  const { code, stdout, stderr } = await hearth([...BOOT, profile, "--append", APPEND], {
    stdin: `${SUM}\nmount -t proc proc /proc\npoweroff -f\n`,
    environment: { HEARTH_TRANSLATION_CACHE: folder },
  });
  assert.match(stdout, /sum 9004500500/);
  assert.equal(code, 0);
  return stderr;
}

/** How many regions the report says were used without being translated in that run. */
function keptRegions(report: string): number {
  const count = (name: string) => Number(new RegExp(`(\\d+) {2}regions ${name}`).exec(report)?.[1]);
  return count("installed") - count("formed");
}

test("a second boot uses what the first one translated", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hearth-translations-"));
  try {
    const first = keptRegions(await boot(folder));
    const second = keptRegions(await boot(folder));
    assert.ok(second > first + 20, `${first} regions in the first boot, ${second} in the second`);
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
