/*
 * The fixed workload lives outside of this repository, so that changing an engine never changes what it is measured
 * by: a folder with build.sh, which makes a static root file system, an initramfs of it and Debian's stock kernel.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { HearthError } from "@hearth/machine";

export interface Workload {
  readonly kernel: string;
  readonly initrd: string;
  /** The initramfs' content as a folder, for chroot. */
  readonly root: string;
}

/** Finds the workload and builds its images when they are not there. Throws HearthError `bench.workload`. */
export function prepareWorkload(env: NodeJS.ProcessEnv = process.env): Workload {
  const images = env["ENGINE_BENCH_TMP"] ?? "/tmp/engine-bench";
  const workload = {
    kernel: join(images, "vmlinuz64"),
    initrd: join(images, "initrd64.gz"),
    root: join(images, "root64"),
  };
  const isBuilt = () => Object.values(workload).every((path) => existsSync(path));
  if (isBuilt()) return workload;
  const folder = workloadFolder(env);
  console.error(`building the workload's images in ${images} (needs root, apt and gcc) ...`);
  const { status } = spawnSync("bash", [join(folder, "build.sh")], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...env, ENGINE_BENCH_TMP: images },
  });
  if (status !== 0 || !isBuilt()) {
    throw new HearthError("bench.workload", `${join(folder, "build.sh")} did not build the images`);
  }
  return workload;
}

function workloadFolder(env: NodeJS.ProcessEnv): string {
  const beside = fileURLToPath(new URL("../../../shared/bench/engine", import.meta.url));
  const folder = resolve(env["HEARTH_ENGINE_BENCH"] ?? beside);
  if (existsSync(join(folder, "build.sh"))) return folder;
  throw new HearthError(
    "bench.workload",
    `the benchmark's workload is not at ${folder}; set HEARTH_ENGINE_BENCH to the folder with its build.sh`,
  );
}
