// Files in the guest: read, write, look, list, and the changes to directories (docs/agent-protocol.md, "Requests").
// Every method throws HearthError: file.not-found, file.exists, file.permission, … (protocol/end.ts), or the connection's.

import type { AgentConnection } from "./agent-connection.ts";
import { collect } from "./byte-queue.ts";
import type { Channel } from "./channel.ts";
import { fileError } from "./protocol/end.ts";
import { decodeEntry, type FileEntry } from "./protocol/file-entry.ts";
import { FrameType } from "./protocol/frame.ts";
import { malformed, PayloadReader, PayloadWriter } from "./protocol/wire.ts";

const TO_THE_END = 2n ** 64n - 1n;
const WriteFlag = { Create: 1, Truncate: 2, Append: 4, Exclusive: 8, Parents: 16, Sync: 32 } as const;

/** More than any real directory; a guest may send entries for ever. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;

export interface WriteOptions {
  /** Permission bits of a new file; 0o644 if absent. */
  readonly mode?: number;
  /** Owner of a new file, as SpawnOptions.user. */
  readonly owner?: string;
  readonly append?: boolean;
  /** Fail with file.exists instead of replacing. */
  readonly exclusive?: boolean;
  /** Make missing directories on the way. */
  readonly parents?: boolean;
}

/** The guest's file system as seen by its agent (root, initial mount namespace). */
export class GuestFiles {
  readonly #connect: () => Promise<AgentConnection>;

  /** `connect` is asked at every request, and may wait for the guest. */
  constructor(connect: () => Promise<AgentConnection>) {
    this.#connect = connect;
  }

  /** The whole file. */
  read(path: string): Promise<Uint8Array> {
    return collect(this.readStream(path));
  }

  async readText(path: string): Promise<string> {
    return new TextDecoder().decode(await this.read(path));
  }

  /** The file in chunks as they arrive. Leaving the loop early gives the transfer up. */
  async *readStream(path: string): AsyncGenerator<Uint8Array, void, void> {
    const payload = new PayloadWriter().text(path).u64(0n).u64(TO_THE_END).finish();
    const channel = (await this.#connect()).request(FrameType.Read, payload);
    try {
      yield* channel.output.queue;
      await this.#done(channel, "read", path);
    } finally {
      channel.cancel();
    }
  }

  /** Creates or replaces `path`; gives the number of bytes written. */
  async write(
    path: string,
    data: string | Uint8Array | AsyncIterable<Uint8Array>,
    options: WriteOptions = {},
  ): Promise<number> {
    const flags =
      WriteFlag.Create |
      (options.append === true ? WriteFlag.Append : WriteFlag.Truncate) |
      (options.exclusive === true ? WriteFlag.Exclusive : 0) |
      (options.parents === true ? WriteFlag.Parents : 0);
    const payload = new PayloadWriter()
      .text(path)
      .u64(0n)
      .u32(options.mode ?? 0o644)
      .u32(flags);
    payload.text(options.owner ?? "");
    const channel = (await this.#connect()).request(FrameType.Write, payload.finish());
    try {
      await sendAll(channel, data);
      return Number((await this.#done(channel, "write", path)).u64());
    } finally {
      channel.cancel();
    }
  }

  /** `followLinks` false looks at a symbolic link itself. */
  async stat(path: string, options: { readonly followLinks?: boolean } = {}): Promise<FileEntry> {
    const payload = new PayloadWriter().text(path).u32(options.followLinks === false ? 0 : 1);
    return decodeEntry(await this.#ask(FrameType.Stat, payload, "look at", path));
  }

  /** The directory's entries, by name. */
  async list(path: string): Promise<FileEntry[]> {
    const channel = (await this.#connect()).request(FrameType.List, new PayloadWriter().text(path).finish());
    const entries: FileEntry[] = [];
    try {
      // Frames may cut an entry anywhere, so all of it is gathered first.
      const reader = new PayloadReader(await collect(channel.output.queue, MAX_LIST_BYTES));
      while (reader.remaining > 0) entries.push(decodeEntry(reader));
      await this.#done(channel, "list", path);
    } finally {
      channel.cancel();
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async makeDirectory(
    path: string,
    options: { readonly mode?: number; readonly parents?: boolean } = {},
  ): Promise<void> {
    const payload = new PayloadWriter()
      .text(path)
      .u32(options.mode ?? 0o755)
      .u32(options.parents === true ? 1 : 0);
    await this.#ask(FrameType.MakeDirectory, payload.text(""), "make the directory", path);
  }

  async remove(
    path: string,
    options: { readonly recursive?: boolean; readonly force?: boolean } = {},
  ): Promise<void> {
    const flags = (options.recursive === true ? 1 : 0) | (options.force === true ? 2 : 0);
    await this.#ask(FrameType.Remove, new PayloadWriter().text(path).u32(flags), "remove", path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#ask(FrameType.Rename, new PayloadWriter().text(from).text(to), "rename", from);
  }

  async symlink(target: string, path: string): Promise<void> {
    await this.#ask(FrameType.Symlink, new PayloadWriter().text(target).text(path), "link", path);
  }

  async #ask(type: number, payload: PayloadWriter, action: string, path: string): Promise<PayloadReader> {
    const connection = await this.#connect();
    return this.#done(connection.request(type, payload.finish()), action, path);
  }

  async #done(channel: Channel, action: string, path: string): Promise<PayloadReader> {
    const end = await channel.ended;
    if (end.kind === "done") return new PayloadReader(end.result);
    if (end.kind === "failed") throw fileError(action, path, end);
    throw malformed(`a file operation that ${end.kind}`);
  }
}

async function sendAll(
  channel: Channel,
  data: string | Uint8Array | AsyncIterable<Uint8Array>,
): Promise<void> {
  if (typeof data === "string") await channel.input.write(new TextEncoder().encode(data));
  else if (data instanceof Uint8Array) await channel.input.write(data);
  else for await (const chunk of data) if (!(await channel.input.write(chunk))) return;
  await channel.input.end();
}
