// One machine of the soak from boot to its end: runs jobs in it, several at a time, and watches its console.

import { HearthError } from "@hearth/machine";
import { Machine } from "@hearth/platform";
import { type Job, JOB_ENVIRONMENT, jobCommand, jobFiles, JOBS_FOLDER } from "./jobs.ts";
import { KernelComplaints } from "./kernel-complaints.ts";
import type { Answer } from "./native-twin.ts";
import type { SoakOptions } from "./options.ts";

const BOOT_TIMEOUT_MS = 600_000;
/** For the one question to a guest in which something hangs. */
const QUESTION_TIMEOUT_MS = 60_000;
/** Of the console, for the report of a machine that ended by itself. */
const TAIL_CHARACTERS = 3000;

export interface GuestLifeParts {
  readonly options: SoakOptions;
  readonly disk: string;
  /** The next job, or undefined when it is time to end. */
  readonly nextJob: () => Job | undefined;
  /** Hears of every answer. */
  readonly onAnswer: (job: Job, answer: Answer) => Promise<void>;
}

/** What was wrong with a machine itself; empty when nothing was. */
export type LifeProblems = readonly string[];

/** Boots a machine, works until `nextJob` gives no more, ends it. Never rejects. */
export async function liveOnce({ options, disk, nextJob, onAnswer }: GuestLifeParts): Promise<LifeProblems> {
  const problems: string[] = [];
  const complaints = new KernelComplaints();
  let tail = "";
  try {
    await using machine = await start(options, disk);
    const watching = (async () => {
      for await (const bytes of machine.console) {
        const text = Buffer.from(bytes).toString("latin1");
        tail = (tail + text).slice(-TAIL_CHARACTERS);
        complaints.feed(text);
      }
    })();
    await installJobs(machine);
    await Promise.all(Array.from({ length: options.jobsAtOnce }, () => work(machine)));
    problems.push(...(await lastQuestions(machine)));
    const end = await machine.shutdown(60_000);
    if (end.reason !== "power-off")
      problems.push(`the machine did not power off but ended by: ${end.reason}`);
    await watching;
  } catch (error) {
    problems.push(`the machine failed: ${error instanceof Error ? error.message : error}\n${tail}`);
  }
  if (complaints.count > 0)
    problems.push(`${complaints.count} complaints of the guest's kernel:\n${complaints.lines.join("\n")}`);
  return problems;

  async function work(machine: Machine): Promise<void> {
    for (let job = nextJob(); job !== undefined; job = nextJob()) {
      await onAnswer(job, await answer(machine, job, options.jobTimeoutS * 1000));
    }
  }
}

async function start(options: SoakOptions, disk: string): Promise<Machine> {
  return Machine.start({
    memoryMib: options.memoryMib,
    vcpus: options.vcpus,
    disks: [{ path: disk, mode: "copy-on-write" }],
    // Also what the kernel says of segmentation faults, which it does at a low level.
    extraCmdline: "root=/dev/vda loglevel=7",
    bootTimeoutMs: BOOT_TIMEOUT_MS,
  });
}

async function installJobs(machine: Machine): Promise<void> {
  await machine.exec(["mkdir", "-p", JOBS_FOLDER]);
  for (const [name, content] of jobFiles()) await machine.files.write(`${JOBS_FOLDER}/${name}`, content);
}

/** A job that does not end in time hangs, and that ends the machine's life. */
async function answer(machine: Machine, job: Job, timeoutMs: number): Promise<Answer> {
  const startMs = performance.now();
  const ended = new AbortController();
  const running = machine.exec(jobCommand(job), { env: JOB_ENVIRONMENT, signal: ended.signal });
  // Not the request's own time limit: that would kill what is to be described.
  const timer = setTimeout(async () => {
    const state = await describeProcesses(machine);
    ended.abort(new Error(`still running after ${timeoutMs} ms\n${state}`));
  }, timeoutMs);
  try {
    const { exitCode, stdoutBytes } = await running;
    const output = Buffer.from(stdoutBytes).toString("latin1");
    return { exitCode, output, seconds: (performance.now() - startMs) / 1000 };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HearthError("bench.soak", `${job.name} with seed ${job.seed}: ${reason}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

const DESCRIBE_PROCESSES = `for p in /proc/[0-9]*; do [ -e $p/exe ] &&
  echo "$p $(tr '\\0' ' ' < $p/cmdline | cut -c 1-60) $(grep -h State $p/status) in $(cat $p/wchan) $(cut -d ' ' -f 14-15 $p/stat)"
done; cat /proc/loadavg /proc/uptime; grep -E 'LOC|RES|CAL|virtio' /proc/interrupts`;

/** What the guest's processes do, if it can still be asked: for the report of a job that hangs. */
async function describeProcesses(machine: Machine): Promise<string> {
  try {
    return (await machine.exec(["sh", "-c", DESCRIBE_PROCESSES], { timeoutMs: QUESTION_TIMEOUT_MS })).stdout;
  } catch (error) {
    return `the guest does not answer: ${error instanceof Error ? error.message : error}`;
  }
}

/** Whether the kernel thinks that all is well. */
async function lastQuestions(machine: Machine): Promise<string[]> {
  const { stdout } = await machine.exec(["cat", "/proc/sys/kernel/tainted"]);
  return stdout.trim() === "0" ? [] : [`the guest's kernel is tainted: ${stdout.trim()}`];
}
