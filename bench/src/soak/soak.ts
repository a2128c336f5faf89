// The soak: machines side by side, one life after the other, until the time is over.

import type { LoadsImage } from "../loads/image.ts";
import { liveOnce } from "./guest-life.ts";
import { chooseJobs, type Job, jobSequence } from "./jobs.ts";
import { type Answer, prepareNativeTwin, runNatively } from "./native-twin.ts";
import type { RegionMode, SoakOptions } from "./options.ts";
import { SoakTally } from "./tally.ts";

/** After so many the rest adds nothing. */
const MOST_PROBLEMS = 10;
const PROGRESS_MS = 60_000;
const REGIONS_VARIABLE: Readonly<Record<RegionMode, string | undefined>> = {
  off: "0",
  on: undefined,
  forced: "forced",
};

/** Runs and reports; false when anything was wrong. */
export async function soak(options: SoakOptions, image: LoadsImage): Promise<boolean> {
  setRegions(options.regions);
  prepareNativeTwin(image.root);
  const jobs = jobSequence(chooseJobs(options.jobs), options.seed);
  const tally = new SoakTally();
  const startMs = performance.now();
  const endMs = startMs + options.minutes * 60_000;
  const isOver = () => performance.now() >= endMs || tally.problems.length >= MOST_PROBLEMS;
  const onAnswer = async (job: Job, guest: Answer) => {
    const problems = tally.problems.length;
    tally.add(job, guest, await runNatively(image.root, job));
    for (const problem of tally.problems.slice(problems)) console.error(`soak: ${problem}`);
  };
  let lives = 0;
  const slot = async () => {
    while (!isOver()) {
      lives++;
      const lifeEndMs = performance.now() + options.lifeMinutes * 60_000;
      const nextJob = () => (isOver() || performance.now() >= lifeEndMs ? undefined : jobs.next().value);
      const problems = await liveOnce({ options, disk: image.disk, nextJob, onAnswer });
      for (const problem of problems) console.error(`soak: ${problem}`);
      tally.problems.push(...problems);
    }
  };
  const progress = setInterval(() => console.error(progressLine(tally, startMs)), PROGRESS_MS);
  await Promise.all(Array.from({ length: options.machines }, slot));
  clearInterval(progress);
  console.log(report(options, tally, lives, startMs));
  return tally.problems.length === 0 && tally.count > 0;
}

function setRegions(mode: RegionMode): void {
  const value = REGIONS_VARIABLE[mode];
  if (value === undefined) delete process.env["HEARTH_REGIONS"];
  else process.env["HEARTH_REGIONS"] = value;
}

function progressLine(tally: SoakTally, startMs: number): string {
  const minutes = Math.round((performance.now() - startMs) / 60_000);
  return `after ${minutes} min: ${tally.count} jobs, ${tally.problems.length} problems`;
}

function report(options: SoakOptions, tally: SoakTally, lives: number, startMs: number): string {
  const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
  const { problems, count } = tally;
  const verdict = problems.length === 0 && count > 0 ? "no problem" : `${problems.length} PROBLEMS`;
  return [
    tally.summary(),
    "",
    ...problems.map((problem, index) => `${index + 1}. ${problem}`),
    `soak: regions ${options.regions}, seed ${options.seed}, ${options.machines} machine(s) side by side, ${lives} boots, ` +
      `${minutes} min, ${count} jobs: ${verdict}`,
  ].join("\n");
}
