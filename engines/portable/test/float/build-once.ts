/*
 * Test programs compiled from sources, kept in the package's build folder under the hash of those sources:
 * several test files, and several runs, share one compilation.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../build/test/", import.meta.url));

/** Path of the file that `build` makes of the sources; it is only called when there is none yet. */
export function buildOnce(name: string, sources: readonly string[], build: (output: string) => void): string {
  const hash = createHash("sha256");
  for (const source of sources) hash.update(source).update("\0").update(readFileSync(source)).update("\0");
  const target = join(folder, `${hash.digest("hex").slice(0, 16)}-${name}`);
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  // Renaming keeps a test file that runs at the same time from seeing half of it.
  const unfinished = `${target}.${process.pid}`;
  build(unfinished);
  renameSync(unfinished, target);
  return target;
}
