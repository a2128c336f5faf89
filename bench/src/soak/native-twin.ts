// What a job prints on a real processor: run by chroot in the same Debian root.

import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Job, JOB_ENVIRONMENT, jobCommand, jobFiles, JOBS_FOLDER } from "./jobs.ts";

/** A job's exit code and everything it printed, and how long that took. */
export interface Answer {
  readonly exitCode: number;
  readonly output: string;
  readonly seconds: number;
}

/** Puts the jobs where the native root has them. */
export function prepareNativeTwin(root: string): void {
  mkdirSync(join(root, JOBS_FOLDER), { recursive: true });
  for (const [name, content] of jobFiles()) writeFileSync(join(root, JOBS_FOLDER, name), content);
}

/** Runs `job` below `root`; needs root's rights. Rejects when it cannot be started. */
export function runNatively(root: string, job: Job): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const child = spawn("chroot", [root, ...jobCommand(job)], {
      env: JOB_ENVIRONMENT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      output += text;
    });
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({ exitCode: code ?? -1, output, seconds: (performance.now() - startMs) / 1000 }),
    );
  });
}
