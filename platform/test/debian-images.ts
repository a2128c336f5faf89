// Debian's images for the tests: taken from the cache where guest/recipes/ put them, or made there now.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface DebianImages {
  /** An ext4 file system. */
  readonly disk: string;
  /** Debian's stock cloud kernel and an initramfs with its modules. */
  readonly kernel: string;
  readonly initrd: string;
}

const RECIPES = fileURLToPath(new URL("../../guest/recipes/", import.meta.url));
/** One recipe takes about two minutes with a good connection. */
const RECIPE_TIMEOUT_MS = 200_000;
const TOOLS = ["debootstrap", "mke2fs", "apt-get", "dpkg", "cpio", "depmod"];

/**
 * The images, or why there are none. HEARTH_DEBIAN=0: none are wanted; =1: they are made or the reason is an error;
 * else they are made if this host has the tools for it.
 */
export function debianImages(): DebianImages | string {
  const wish = process.env["HEARTH_DEBIAN"];
  if (wish === "0") return "HEARTH_DEBIAN=0";
  const images = cachedOrMade();
  if (wish === "1" && typeof images === "string") throw new Error(`HEARTH_DEBIAN=1, but ${images}`);
  return images;
}

function cachedOrMade(): DebianImages | string {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "hearth");
  const disk = join(cache, "debian.ext4");
  const kernel = join(cache, "debian-cloud", "vmlinuz");
  const initrd = join(cache, "debian-cloud", "initrd.gz");
  const problem = make([disk], "debian.sh") ?? make([kernel, initrd], "debian-cloud-initrd.sh");
  return problem ?? { disk, kernel, initrd };
}

/** Undefined when the files are there now. */
function make(files: readonly string[], recipe: string): string | undefined {
  if (files.every((file) => existsSync(file))) return undefined;
  const missing = TOOLS.filter((tool) => !isThere(tool));
  if (missing.length > 0)
    return `no Debian images in the cache, and to make them ${missing.join(", ")} missing`;
  if (process.getuid?.() !== 0) return "no Debian images in the cache, and making them needs root";
  const made = spawnSync("sh", [join(RECIPES, recipe)], { encoding: "utf8", timeout: RECIPE_TIMEOUT_MS });
  if (made.status === 0) return undefined;
  const reason = made.stderr.trim().split("\n").at(-1) ?? "";
  return `${recipe} failed (${made.signal ?? made.status}): ${reason}`;
}

function isThere(tool: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => existsSync(join(folder, tool)));
}
