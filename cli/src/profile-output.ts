// What `--profile` leaves behind: the report on standard error, the flame graph and, if asked for, folded stacks in files.

import { readFile, writeFile } from "node:fs/promises";
import { HearthError, type Machine } from "@hearth/platform";
import {
  flameGraph,
  foldStacks,
  guestTree,
  profileReport,
  SystemMap,
  threadTree,
} from "@hearth/platform/profile";
import type { MachineFlags } from "./commands/shared-flags.ts";

const DEFAULT_FILE = "hearth-profile.svg";

type ProfileFlags = Pick<MachineFlags, "profile" | "profileStacks" | "systemMap">;

export class ProfileOutput {
  readonly #flags: ProfileFlags;
  readonly #symbols: SystemMap | undefined;

  private constructor(flags: ProfileFlags, symbols: SystemMap | undefined) {
    this.#flags = flags;
    this.#symbols = symbols;
  }

  /** Reads the symbols, so that a mistake shows before the machine runs. Throws HearthError profile.system-map. */
  static async prepare(flags: ProfileFlags): Promise<ProfileOutput> {
    const { profile, systemMap } = flags;
    const isWanted = profile !== undefined && systemMap !== undefined;
    return new ProfileOutput(flags, isWanted ? await readSystemMap(systemMap) : undefined);
  }

  /** True when a machine is to be recorded. */
  get isWanted(): boolean {
    return this.#flags.profile !== undefined;
  }

  /** Does nothing for a machine that was not recorded. Throws HearthError profile.unwritable. */
  async write({ profile }: Machine): Promise<void> {
    if (profile === undefined) return;
    process.stderr.write(profileReport(profile, this.#symbols));
    const trees = [threadTree(profile, this.#symbols), guestTree(profile, this.#symbols)];
    const file = this.#flags.profile || DEFAULT_FILE;
    await save(file, flameGraph("hearth: where time went", trees));
    const { profileStacks } = this.#flags;
    if (profileStacks !== undefined) await save(profileStacks, trees.map(foldStacks).join(""));
    process.stderr.write(`\nhearth: flame graph in ${file}\n`);
  }
}

async function readSystemMap(path: string): Promise<SystemMap> {
  let symbols: SystemMap;
  try {
    symbols = SystemMap.parse(await readFile(path, "latin1"));
  } catch (cause) {
    throw new HearthError("profile.system-map", `The System.map ${path} cannot be read.`, { cause });
  }
  if (symbols.size === 0)
    throw new HearthError("profile.system-map", `${path} has no symbols of code; is it a System.map?`);
  return symbols;
}

async function save(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new HearthError("profile.unwritable", `${path} cannot be written.`, { cause });
  }
}
