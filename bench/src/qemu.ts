// QEMU as the peer to be measured against: found, or installed from Debian's archive.

import { spawnSync } from "node:child_process";
import { HearthError } from "@hearth/machine";

const PROGRAM = "qemu-system-x86_64";

/** The first line of its --version. Installs it if missing, which needs root. Throws HearthError `bench.qemu`. */
export function requireQemu(): string {
  const version = qemuVersion();
  if (version !== undefined) return version;
  console.error(`${PROGRAM} is missing, installing qemu-system-x86 ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", "qemu-system-x86"]]) {
    spawnSync("apt-get", ["-qq", ...args], { stdio: ["ignore", "ignore", "inherit"], env });
  }
  const installed = qemuVersion();
  if (installed !== undefined) return installed;
  throw new HearthError(
    "bench.qemu",
    `${PROGRAM} is missing and could not be installed; install qemu-system-x86, or measure without it: --peers native,hearth`,
  );
}

function qemuVersion(): string | undefined {
  const { status, stdout } = spawnSync(PROGRAM, ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.split("\n")[0] : undefined;
}
