/*
 * The Debian root of the loads and the soak, made once by bench/loads/make-image.sh in a work area outside of the
 * repository, and again when a file of bench/loads/ has changed.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HearthError } from "@hearth/machine";

export interface LoadsImage {
  /** An ext4 file system. */
  readonly disk: string;
  /** The same as a folder, for chroot. */
  readonly root: string;
}

const LOADS = fileURLToPath(new URL("../../loads/", import.meta.url));
const RECIPE = "make-image.sh";

/** Finds the image, makes it when it is missing or old. Throws HearthError `bench.image`. */
export function prepareImage(env: NodeJS.ProcessEnv = process.env): LoadsImage {
  const folder = env["HEARTH_BENCH_LOADS"] ?? "/tmp/hearth-loads";
  const image = { disk: join(folder, "disk.ext4"), root: join(folder, "root") };
  const keyFile = join(folder, "key");
  const key = keyOf(LOADS);
  const isThere = existsSync(image.disk) && existsSync(image.root);
  if (isThere && existsSync(keyFile) && readFileSync(keyFile, "utf8") === key) return image;
  console.error(`making the loads' Debian image in ${folder} (needs root and debootstrap, two minutes) ...`);
  const { status } = spawnSync("sh", [join(LOADS, RECIPE), folder], { stdio: ["ignore", 2, "inherit"] });
  if (status !== 0) throw new HearthError("bench.image", `bench/loads/${RECIPE} did not make the image`);
  writeFileSync(keyFile, key);
  return image;
}

/** Changes with every file that goes into the image. */
export function keyOf(folder: string): string {
  const hash = createHash("sha256");
  for (const name of [RECIPE, ...globSync("guest/*", { cwd: folder }).toSorted()]) {
    const content = readFileSync(join(folder, name));
    hash.update(`${name} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}
