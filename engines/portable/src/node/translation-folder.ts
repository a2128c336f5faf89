// Translations kept between runs: a folder of packs (translation/pack.ts), written by whichever process has something new and read
// by all that start later. A pack is never changed; it appears whole under its name. Whatever is wrong with a file or with the
// folder, there are only fewer translations.

import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { decodePack, encodePack } from "../translation/pack.ts";
import type { KeptModule } from "../translation/service.ts";

/** With more packs than this, a process that reads them makes one of them. */
const MAX_PACKS = 16;
const SUFFIX = ".pack";
const UNFINISHED = ".unfinished";
/** An unfinished file as old as this belongs to a process that is gone. */
const ABANDONED_MS = 60_000;

export interface TranslationFolderOptions {
  readonly path: string;
  /** Tells apart compilers whose translations must not be mixed: 32 bytes. */
  readonly compiler: Uint8Array;
  /** All files together take at most about so much; the oldest go first. */
  readonly maxBytes: number;
}

interface PackFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly changedMs: number;
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

export class TranslationFolder {
  readonly #options: TranslationFolderOptions;
  /** Of the names of this compiler's packs. */
  readonly #prefix: string;

  constructor(options: TranslationFolderOptions) {
    this.#options = options;
    this.#prefix = `${Buffer.from(options.compiler.subarray(0, 8)).toString("hex")}-`;
  }

  /** All there is, the oldest first. */
  load(): readonly KeptModule[] {
    const own = this.#files(SUFFIX).filter(({ path }) => basename(path).startsWith(this.#prefix));
    const modules = withoutRepetition(own.flatMap(({ path }) => this.#read(path)));
    if (own.length > MAX_PACKS && this.save(modules)) for (const { path } of own) remove(path);
    return modules;
  }

  /** Adds modules to what there is; false when that cannot be done. */
  save(modules: readonly KeptModule[]): boolean {
    const { path, compiler } = this.#options;
    const name = join(path, this.#prefix + randomUUID());
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      writeFileSync(name + UNFINISHED, encodePack(modules, compiler, sha256));
      renameSync(name + UNFINISHED, name + SUFFIX);
      this.#makeRoom();
      return true;
    } catch {
      remove(name + UNFINISHED);
      return false;
    }
  }

  #read(path: string): readonly KeptModule[] {
    try {
      const modules = decodePack(aligned(readFileSync(path)), this.#options.compiler, sha256);
      if (modules === undefined) remove(path);
      return modules ?? [];
    } catch {
      return [];
    }
  }

  /** The oldest first. */
  #files(suffix: string): PackFile[] {
    try {
      const names = readdirSync(this.#options.path).filter((name) => name.endsWith(suffix));
      const files = names.map((name) => describeFile(join(this.#options.path, name)));
      return files.filter((file) => file !== undefined).toSorted((a, b) => a.changedMs - b.changedMs);
    } catch {
      return [];
    }
  }

  #makeRoom(): void {
    for (const { path, changedMs } of this.#files(UNFINISHED))
      if (Date.now() - changedMs > ABANDONED_MS) remove(path);
    const packs = this.#files(SUFFIX);
    let bytes = packs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const { path, sizeBytes } of packs) {
      if (bytes <= this.#options.maxBytes) return;
      remove(path);
      bytes -= sizeBytes;
    }
  }
}

/** The same bytes where arrays of words can lie over them. */
function aligned(bytes: NonSharedBuffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = bytes;
  return byteOffset % 4 === 0 ? new Uint8Array(buffer, byteOffset, length) : new Uint8Array(bytes);
}

/** Two processes that make one of the same packs leave everything twice. */
function withoutRepetition(modules: readonly KeptModule[]): KeptModule[] {
  const known = new Map(modules.map((module) => [Buffer.from(sha256(module.wasm)).toString("hex"), module]));
  return [...known.values()];
}

/** Undefined when another process has removed the file. */
function describeFile(path: string): PackFile | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && { path, sizeBytes: found.size, changedMs: found.mtimeMs };
}

/** Another process may have been faster, or the folder may have become read-only. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Then it stays.
  }
}
