/*
 * v86 is a thing to measure against, no dependency: one exact version from the npm registry, installed without running
 * its scripts, in a work area outside of the repository. It needs a BIOS, which is SeaBIOS of the host.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { HearthError } from "@hearth/machine";

export const V86_VERSION = "0.5.462";
const BIOS_FILES = ["bios.bin", "vgabios-stdvga.bin"];

export interface V86Files {
  /** libv86.mjs and v86.wasm. */
  readonly build: string;
  /** bios.bin and vgabios-stdvga.bin. */
  readonly firmware: string;
}

/** Finds v86 and the BIOS, or installs them. Throws HearthError `bench.v86`. */
export function requireV86(env: NodeJS.ProcessEnv = process.env): V86Files {
  const folder = join(env["HEARTH_BENCH_V86"] ?? "/tmp/hearth-v86", V86_VERSION);
  const build = join(folder, "node_modules/v86/build");
  const firmware = env["HEARTH_BENCH_SEABIOS"] ?? "/usr/share/seabios";
  if (!existsSync(join(build, "v86.wasm"))) install(folder);
  const isFirmwareThere = () => BIOS_FILES.every((name) => existsSync(join(firmware, name)));
  if (!isFirmwareThere()) {
    console.error("SeaBIOS is missing, installing seabios ...");
    spawnSync("apt-get", ["-qq", "install", "-y", "--no-install-recommends", "seabios"], { stdio: "ignore" });
  }
  if (!isFirmwareThere()) throw new HearthError("bench.v86", `${firmware} has no SeaBIOS; install seabios`);
  return { build, firmware };
}

function install(folder: string): void {
  console.error(`installing v86 ${V86_VERSION} in ${folder} ...`);
  mkdirSync(folder, { recursive: true });
  const options = ["--prefix", folder, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", ["install", ...options, `v86@${V86_VERSION}`], {
    cwd: folder,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) throw new HearthError("bench.v86", `v86 ${V86_VERSION} could not be installed from npm`);
}
