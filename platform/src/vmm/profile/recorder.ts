// Records a profile of the thread it is created in: V8's sampling profiler, a second thread that interrupts the vCPU, and the
// engine's own notes.

import { Session } from "node:inspector";
import { Worker } from "node:worker_threads";
import { EngineProfile, type Interruptible } from "@hearth/engine-portable";
import { condense } from "./condense.ts";
import type { CpuProfile } from "./cpu-profile.ts";
import type { DeviceAccesses, RecordedProfile } from "./recorded-profile.ts";

const SAMPLING_INTERVAL_US = 200;

/** Mnemonics by vector, SDM volume 3, table 6-1. */
const EXCEPTIONS = "#DE #DB NMI #BP #OF #BR #UD #NM #DF 0x9 #TS #NP #SS #GP #PF 0xf #MF #AC #MC #XM".split(
  " ",
);

/** Finds the device at an address of a machine. */
export interface DeviceNames {
  portOwner(port: number): string | undefined;
  mmioOwner(gpa: number): string | undefined;
}

export class Recorder {
  /** Hand it to the engine. */
  readonly engine: EngineProfile;
  readonly #session = new Session();
  readonly #interrupters: Worker[] = [];
  readonly #startUs = nowUs();
  readonly #startCpu = process.cpuUsage();
  readonly #startThreadCpu = process.threadCpuUsage();

  private constructor() {
    this.engine = new EngineProfile({ nowUs, onProcessor: (processor) => this.#interrupt(processor) });
    this.#session.connect();
  }

  static start(): Recorder {
    const recorder = new Recorder();
    recorder.#session.post("Profiler.enable");
    recorder.#session.post("Profiler.setSamplingInterval", { interval: SAMPLING_INTERVAL_US });
    recorder.#session.post("Profiler.start");
    return recorder;
  }

  /** Ends the recording. */
  async finish(devices: DeviceNames): Promise<RecordedProfile> {
    const durationUs = nowUs() - this.#startUs;
    const cpu = process.cpuUsage(this.#startCpu);
    const thread = process.threadCpuUsage(this.#startThreadCpu);
    const threadCpuUs = thread.user + thread.system;
    const profile = await this.#stopProfiler();
    await Promise.all(this.#interrupters.map((worker) => worker.terminate()));
    const { samples, bus, sliceEnds } = this.engine;
    const counters = this.engine.counters();
    return {
      durationUs,
      sampleCount: profile.samples?.length ?? 0,
      threadCpuUs,
      otherCpuUs: cpu.user + cpu.system - threadCpuUs,
      ...condense(profile, samples),
      counts: {
        engine: counters?.engine ?? {},
        regions: this.engine.regionCounts(),
        exceptions: exceptionsByName(counters?.exceptions ?? []),
        "ends of slices": { ...sliceEnds },
        "interrupts by vector": numbered(bus.vectors),
        "MSR reads and writes": sums(bus.msrs),
        clock: { reads: bus.clockReads },
      },
      ports: byOwner(bus.ports, (port) => devices.portOwner(port)),
      mmio: byOwner(bus.mmioPages, (gpa) => devices.mmioOwner(gpa)),
    };
  }

  #stopProfiler(): Promise<CpuProfile> {
    return new Promise((resolve, reject) => {
      this.#session.post("Profiler.stop", (error, answer) => {
        this.#session.disconnect();
        if (error) reject(error);
        else resolve(answer.profile as CpuProfile);
      });
    });
  }

  #interrupt(processor: Interruptible): void {
    const worker = new Worker(new URL("./interrupting-thread.ts", import.meta.url), {
      workerData: { processor, intervalMs: SAMPLING_INTERVAL_US / 1000 },
      name: "hearth-profile",
    });
    worker.unref();
    this.#interrupters.push(worker);
  }
}

/** V8's clock: the monotonic one. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function numbered(counts: ReadonlyMap<number, number>): Record<string, number> {
  return Object.fromEntries([...counts].map(([key, count]) => [hex(key), count]));
}

function exceptionsByName(counts: readonly number[]): Record<string, number> {
  return Object.fromEntries(counts.map((count, vector) => [EXCEPTIONS[vector] ?? hex(vector), count]));
}

function sums(counts: ReadonlyMap<number, readonly [number, number]>): Record<string, number> {
  return Object.fromEntries([...counts].map(([key, [reads, writes]]) => [hex(key), reads + writes]));
}

function byOwner(
  counts: ReadonlyMap<number, readonly [number, number]>,
  owner: (address: number) => string | undefined,
): DeviceAccesses[] {
  const devices = new Map<string, { reads: number; writes: number }>();
  for (const [address, [reads, writes]] of counts) {
    const name = owner(address) ?? `nobody at ${hex(address)}`;
    const entry = devices.get(name) ?? { reads: 0, writes: 0 };
    devices.set(name, { reads: entry.reads + reads, writes: entry.writes + writes });
  }
  return [...devices].map(([name, entry]) => ({ name, ...entry }));
}

const hex = (value: number): string => `0x${value.toString(16)}`;
