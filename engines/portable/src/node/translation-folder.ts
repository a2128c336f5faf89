// Translations kept between runs: a folder of packs (translation/pack.ts), written by whichever process has something new and read
// by all that start later. A pack is never changed; it appears whole under its name. Whatever is wrong with a file or with the
// folder, there are only fewer translations.

import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { KeptModule, StoredModule } from "../translation/kept-module.ts";
import { encodePack } from "../translation/pack.ts";
import { openPack, sha256 } from "./pack-file.ts";

/** With more small packs than this, a process that reads them makes one of them. */
const MAX_SMALL_PACKS = 48;
const SMALL_BYTES = 2 * 1024 * 1024;
const SUFFIX = ".pack";
const UNFINISHED = ".unfinished";
/** An unfinished file as old as this belongs to a process that is gone. */
const ABANDONED_MS = 60_000;
const OTHERS_WRITE = 0o022;

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

export class TranslationFolder {
  readonly #options: TranslationFolderOptions;
  /** Of the names of this compiler's packs. */
  readonly #prefix: string;

  constructor(options: TranslationFolderOptions) {
    this.#options = options;
    this.#prefix = `${Buffer.from(options.compiler.subarray(0, 8)).toString("hex")}-`;
  }

  /** All there is, the oldest first. Nothing where others could have written it: it is run as it is. */
  load(): readonly StoredModule[] {
    if (!isOurs(this.#options.path)) return [];
    const small = this.#own().filter(({ sizeBytes }) => sizeBytes < SMALL_BYTES);
    if (small.length > MAX_SMALL_PACKS) this.#join(small);
    return this.#modulesOf(this.#own());
  }

  /** This compiler's packs, the oldest first. */
  #own(): readonly PackFile[] {
    return this.#files(SUFFIX).filter(({ path }) => basename(path).startsWith(this.#prefix));
  }

  #modulesOf(files: readonly PackFile[]): readonly StoredModule[] {
    return withoutRepetition(files.flatMap(({ path }) => this.#read(path)));
  }

  #join(files: readonly PackFile[]): void {
    const modules = this.#modulesOf(files).map((module) => module.read());
    if (this.save(modules.filter((module) => module !== undefined)))
      for (const { path } of files) remove(path);
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

  #read(path: string): readonly StoredModule[] {
    try {
      const modules = openPack(path, this.#options.compiler);
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

/** Two processes that make one of the same packs leave everything twice. */
function withoutRepetition(modules: readonly StoredModule[]): StoredModule[] {
  return [
    ...new Map(modules.map((module) => [Buffer.from(module.checksum).toString("hex"), module])).values(),
  ];
}

/** Does the folder belong to this user, and may nobody else write there? On systems that have no users, yes. */
function isOurs(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || process.getuid === undefined) return true;
  return found.uid === process.getuid() && (found.mode & OTHERS_WRITE) === 0;
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
