// One microVM, for programs: start it, run things in it, read and write its files, stop it. The machine itself runs in
// a worker thread; this is its handle.

import { getCompileCacheDir } from "node:module";
import { Worker } from "node:worker_threads";
import { connectTranslation, saveTranslations } from "@hearth/engine-portable/connect";
import { AgentClient, type AgentInfo, GuestFiles, type GuestProcess, type SpawnOptions } from "@hearth/host";
import { HearthError } from "@hearth/machine/errors";
import { AGENT_PORT } from "../specification/command-line.ts";
import { Doorbell } from "../runner/doorbell.ts";
import { type ExecOptions, type ExecResult, finish } from "./exec.ts";
import { GuestConsole } from "../console/guest-console.ts";
import { GuestStreams } from "./guest-streams.ts";
import type { MachineEnd } from "./machine-end.ts";
import type { RecordedProfile } from "../profile/recorded-profile.ts";
import {
  type FromRunner,
  type PlainEnd,
  type RunnerStart,
  type ToRunner,
  unflattenError,
} from "../runner/messages.ts";
import { type MachineOptions, specify } from "../specification/specification.ts";
import { withDeadline } from "./deadline.ts";
import { kernelFolder, translationFolder } from "./cache-folders.ts";

const DEFAULT_BOOT_TIMEOUT_MS = 120_000;
const HELLO_TIMEOUT_MS = 30_000;
/** The machine's thread makes little garbage; V8 would take 48 MiB for it. */
const YOUNG_GENERATION_MB = 4;
/** After this long without an answer to "stop" the thread is ended from outside. */
const STOP_TIMEOUT_MS = 1000;
/** A recording takes a while to be put together. */
const PROFILED_STOP_TIMEOUT_MS = 60_000;

/** A running microVM. Create with `start`; end with `stop` or `await using`. */
export class Machine implements AsyncDisposable {
  /** The serial console. */
  readonly console: GuestConsole;
  /** The guest's files; each request waits for the guest to be ready. */
  readonly files: GuestFiles;
  /** Why the machine ended, when it has. Never rejects. */
  readonly exited: Promise<MachineEnd>;
  readonly #worker: Worker;
  readonly #doorbell: Doorbell;
  readonly #streams: GuestStreams;
  readonly #exitedSettled = Promise.withResolvers<MachineEnd>();
  readonly #startedSettled = Promise.withResolvers<string>();
  readonly #agentReady = Promise.withResolvers<void>();
  readonly #hasAgent: boolean;
  readonly #bootTimeoutMs: number;
  #agent: Promise<AgentClient> | undefined;
  #engine = "";
  #end: MachineEnd | undefined;
  readonly #stopTimeoutMs: number;
  #profile: RecordedProfile | undefined;

  private constructor(options: MachineOptions) {
    const specification = specify(options);
    this.#hasAgent = options.hasAgent ?? true;
    this.#stopTimeoutMs = specification.isProfiled ? PROFILED_STOP_TIMEOUT_MS : STOP_TIMEOUT_MS;
    this.#bootTimeoutMs = options.bootTimeoutMs ?? DEFAULT_BOOT_TIMEOUT_MS;
    this.#doorbell = new Doorbell();
    const post = (message: ToRunner) => this.#post(message);
    this.console = new GuestConsole(post);
    this.#streams = new GuestStreams(post);
    this.files = new GuestFiles(async () => (await this.#connectedAgent()).connection);
    this.exited = this.#exitedSettled.promise;
    this.#agentReady.promise.catch(() => {});
    const compileCachePath = getCompileCacheDir();
    const translation = connectTranslation({ compileCachePath, folderPath: translationFolder() });
    const { shared: doorbell } = this.#doorbell;
    const workerData: RunnerStart = {
      specification,
      doorbell,
      compileCachePath,
      translation,
      kernelFolderPath: kernelFolder(),
    };
    this.#worker = new Worker(new URL("../runner/runner-worker.js", import.meta.url), {
      workerData,
      transferList: [translation.port],
      name: "hearth-runner",
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#worker.on("message", (message: FromRunner) => this.#receive(message));
    this.#worker.on("error", (error) => this.#crashed(error));
    this.#worker.on("exit", () => this.#crashed(new Error("the runner's thread ended")));
  }

  /** Boots a machine; resolves when its processor runs. Throws HearthError (kernel.*, initrd.*, memory.*, disk.*, …). */
  static async start(options: MachineOptions = {}): Promise<Machine> {
    const { signal } = options;
    signal?.throwIfAborted();
    const machine = new Machine(options);
    const abandon = () => machine.#startedSettled.reject(signal?.reason);
    signal?.addEventListener("abort", abandon, { once: true });
    try {
      machine.#engine = await machine.#startedSettled.promise;
      return machine;
    } catch (error) {
      await machine.#worker.terminate();
      throw error;
    } finally {
      signal?.removeEventListener("abort", abandon);
    }
  }

  /** The engine that runs it. */
  get engine(): string {
    return this.#engine;
  }

  /** Where time went, once the machine has ended: undefined before, and when `isProfiled` was not set. */
  get profile(): RecordedProfile | undefined {
    return this.#profile;
  }

  /** Waits until the guest can be asked for things; every request does so by itself. */
  async ready(): Promise<AgentInfo> {
    return (await this.#connectedAgent()).info;
  }

  /** Runs a program to its end. Throws HearthError exec.not-found, exec.timeout, guest.panic, guest.timeout, … */
  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const program = await this.spawn(argv, { ...options, hasStdin: options.stdin !== undefined });
    return finish(program, options);
  }

  /** Starts a program; its streams are the caller's to read and write. */
  async spawn(argv: readonly string[], options: SpawnOptions = {}): Promise<GuestProcess> {
    const agent = await this.#connectedAgent();
    return agent.spawn(argv, options);
  }

  /** Asks the guest to power off, waits up to `timeoutMs`, then stops it in any case. */
  async shutdown(timeoutMs = 10_000): Promise<MachineEnd> {
    try {
      await withDeadline(this.#askToPowerOff(), timeoutMs);
    } catch {
      // Whatever kept the guest from going by itself, it goes now.
    }
    return this.stop();
  }

  /** Ends the machine at once, as pulling the plug does. Resolves with why it ended. */
  async stop(): Promise<MachineEnd> {
    this.#post({ kind: "stop" });
    const timer = setTimeout(() => this.#finish({ reason: "stopped", console: [] }), this.#stopTimeoutMs);
    const end = await this.exited;
    clearTimeout(timer);
    await this.#worker.terminate();
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #askToPowerOff(): Promise<void> {
    const agent = await this.#connectedAgent();
    await agent.shutdown();
    await this.exited;
  }

  #connectedAgent(): Promise<AgentClient> {
    this.#agent ??= this.#connectAgent();
    return this.#agent;
  }

  async #connectAgent(): Promise<AgentClient> {
    if (!this.#hasAgent)
      throw new HearthError("agent.none", "This machine was started without an agent; use its console.");
    const late = new HearthError(
      "guest.timeout",
      `The guest gave no sign of life in ${this.#bootTimeoutMs} ms.`,
    );
    await withDeadline(this.#agentReady.promise, this.#bootTimeoutMs, late);
    if (this.#end !== undefined) throw endError(this.#end);
    const agent = await AgentClient.connect(await this.#streams.connect(AGENT_PORT), HELLO_TIMEOUT_MS);
    // An agent that was lost is looked for again by the next request.
    void agent.closed.then(() => {
      this.#agent = undefined;
    });
    return agent;
  }

  #post(message: ToRunner): void {
    this.#worker.postMessage(message);
    this.#doorbell.ring();
  }

  #receive(message: FromRunner): void {
    switch (message.kind) {
      case "started":
        this.#startedSettled.resolve(message.engine);
        return;
      case "failed-to-start":
        this.#startedSettled.reject(unflattenError(message.error));
        return;
      case "console":
        this.console.receive(message.bytes);
        return;
      case "agent-ready":
        this.#agentReady.resolve();
        return;
      case "profile":
        this.#profile = message.profile;
        return;
      case "ended":
        this.#finish(unflattenEnd(message.end));
        return;
      default:
        this.#streams.receive(message);
    }
  }

  #finish(end: MachineEnd): void {
    this.#end ??= end;
    this.#exitedSettled.resolve(end);
    const error = endError(end);
    this.#agentReady.reject(error);
    this.console.end();
    this.#streams.closeAll(error);
    void this.#worker.terminate();
    saveTranslations();
  }

  /** Does nothing after an orderly end. */
  #crashed(cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = new HearthError("internal.bug", `Hearth has a bug: ${reason}`, { cause });
    this.#startedSettled.reject(error);
    this.#finish({ reason: "failed", error, console: [] });
  }
}

function unflattenEnd(end: PlainEnd): MachineEnd {
  const { console } = end;
  if (end.reason === "panic") return { reason: "panic", message: end.message ?? "", console };
  if (end.reason !== "failed") return { reason: end.reason, console };
  const error =
    end.error === undefined
      ? new HearthError("internal.bug", "Hearth has a bug.")
      : unflattenError(end.error);
  return { reason: "failed", error, console };
}

/** What a request that the machine's end has cut off fails with. */
export function endError(end: MachineEnd): HearthError {
  const details = { console: end.console };
  switch (end.reason) {
    case "panic":
      return new HearthError("guest.panic", `The guest's kernel panicked: ${end.message}`, { details });
    case "power-off":
      return new HearthError("guest.ended", "The guest powered off.", { details });
    case "reset":
      return new HearthError("guest.ended", "The guest reset itself.", { details });
    case "stopped":
      return new HearthError("guest.stopped", "The machine was stopped.", { details });
    case "failed":
      return end.error;
  }
}
