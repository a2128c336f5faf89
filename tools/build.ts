/*
 * `npm run build`: makes what is not kept in git. Each part of the project that needs building has a `build.ts`
 * of its own, which leaves its result alone when it is up to date.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Relative to the repository, in build order. */
const BUILD_SCRIPTS = ["engines/portable/src/build.ts"];

const root = fileURLToPath(new URL("..", import.meta.url));

for (const script of BUILD_SCRIPTS) {
  if (!existsSync(`${root}${script}`)) continue;
  const { status } = spawnSync(process.execPath, [script], { cwd: root, stdio: "inherit" });
  if (status !== 0) {
    process.exitCode = 1;
    break;
  }
}
