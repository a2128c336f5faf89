// The host's side of the guest's agent, for those who use it: programs, files, and the guest as a whole.

import { HearthError } from "@hearth/machine/errors";
import { AgentConnection } from "./agent-connection.ts";
import type { ByteStream } from "./byte-stream.ts";
import { errnoName } from "./protocol/end.ts";
import { FrameType } from "./protocol/frame.ts";
import { GuestFiles } from "./guest-files.ts";
import { type GuestProcess, type SpawnOptions, spawnInGuest } from "./guest-process.ts";
import type { AgentInfo } from "./protocol/hello.ts";
import { malformed, PayloadReader, PayloadWriter } from "./protocol/wire.ts";

const DEFAULT_TIMEOUT_MS = 10_000;

/** An agent that has said welcome. Create with `connect`; all requests fail once the connection has ended. */
export class AgentClient {
  readonly files: GuestFiles;
  /** Resolves when the connection has ended, with the reason; undefined after `close`. */
  readonly closed: Promise<HearthError | undefined>;
  /** The connection below, for GuestFiles made elsewhere. */
  readonly connection: AgentConnection;

  private constructor(connection: AgentConnection) {
    this.connection = connection;
    this.files = new GuestFiles(() => Promise.resolve(connection));
    this.closed = connection.closed;
  }

  /** Negotiates over a connected stream; throws HearthError agent.* when that fails or takes longer than `timeoutMs`. */
  static async connect(stream: ByteStream, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<AgentClient> {
    return new AgentClient(await AgentConnection.open(stream, timeoutMs));
  }

  get info(): AgentInfo {
    return this.connection.welcome;
  }

  /** Starts a program; resolves once it runs. Throws HearthError exec.*. */
  spawn(argv: readonly string[], options: SpawnOptions = {}): Promise<GuestProcess> {
    return spawnInGuest(this.connection, argv, options);
  }

  /** Asks for power-off or reset; resolves when the guest has begun. Programs get `graceMs` between SIGTERM and SIGKILL. */
  async shutdown(action: "power-off" | "reset" = "power-off", graceMs = 2000): Promise<void> {
    const payload = new PayloadWriter().u32(action === "reset" ? 1 : 0).u32(graceMs);
    await this.#ask(FrameType.Shutdown, payload);
  }

  /** The guest's clock and uptime, in nanoseconds. */
  async ping(): Promise<{ realTimeNs: bigint; uptimeNs: bigint }> {
    const reader = await this.#ask(FrameType.Ping, new PayloadWriter());
    return { realTimeNs: reader.i64(), uptimeNs: reader.u64() };
  }

  /** Sets the guest's real-time clock, in nanoseconds since 1970. */
  async setClock(realTimeNs: bigint): Promise<void> {
    await this.#ask(FrameType.Clock, new PayloadWriter().i64(realTimeNs));
  }

  /** Writes all file systems' data to the disks. */
  async sync(): Promise<void> {
    await this.#ask(FrameType.Sync, new PayloadWriter());
  }

  /** Gives the guest a host name and fresh randomness; what is absent stays. */
  async setIdentity(identity: { readonly hostName?: string; readonly seed?: Uint8Array }): Promise<void> {
    const payload = new PayloadWriter()
      .text(identity.hostName ?? "")
      .bytes(identity.seed ?? new Uint8Array(0));
    await this.#ask(FrameType.Identity, payload);
  }

  close(): void {
    this.connection.close();
  }

  async #ask(type: number, payload: PayloadWriter): Promise<PayloadReader> {
    const end = await this.connection.request(type, payload.finish()).ended;
    if (end.kind === "done") return new PayloadReader(end.result);
    if (end.kind === "failed")
      throw new HearthError(
        "agent.failed",
        `The guest's agent failed: ${end.text} (${errnoName(end.errno)}).`,
        {
          details: { errno: end.errno },
        },
      );
    throw malformed(`a request that ${end.kind}`);
  }
}
