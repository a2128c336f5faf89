// Takes the samples: in each round every peer once, so that a change of the host's load meets all of them.

import type { PeerCommand } from "./peer-command.ts";
import { type RunResult, runOnce, type Sample } from "./run-once.ts";
import { TranslationFolder } from "./translation-folder.ts";

export interface Rounds {
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  readonly failures: ReadonlyMap<string, number>;
}

/** Boots of one peer that may fail before it is given up: TCG's clock sometimes stops a guest on a busy host. */
const ALLOWED_FAILURES = 3;

export type Boot = (
  command: PeerCommand,
  timeoutMs: number,
  environment: Readonly<Record<string, string>>,
) => Promise<RunResult>;

/** `runs` samples of each peer; `say` hears of every boot. A peer that fails too often has fewer. */
export async function runRounds(
  commands: ReadonlyMap<string, PeerCommand>,
  runs: number,
  timeoutMs: number,
  say: (line: string) => void,
  boot: Boot = (command, limitMs, environment) => runOnce(command, limitMs, { environment }),
): Promise<Rounds> {
  const peers = [...commands].map(([name, command]) => new Peer(name, command, timeoutMs, boot, say));
  try {
    for (const peer of peers) if (peer.folder.needsWarming) await peer.bootOnce("before the first round");
    for (let round = 1; round <= runs; round++) {
      for (const peer of peers) {
        const sample = await peer.bootOnce(`round ${round} of ${runs}`);
        if (sample !== undefined) peer.samples.push(sample);
      }
    }
  } finally {
    for (const { folder } of peers) folder[Symbol.dispose]();
  }
  return {
    samples: new Map(peers.map(({ name, samples }) => [name, samples])),
    failures: new Map(peers.map(({ name, failures }) => [name, failures])),
  };
}

class Peer {
  readonly name: string;
  readonly folder: TranslationFolder;
  readonly samples: Sample[] = [];
  failures = 0;
  readonly #boot: () => Promise<RunResult>;
  readonly #say: (line: string) => void;

  constructor(
    name: string,
    command: PeerCommand,
    timeoutMs: number,
    boot: Boot,
    say: (line: string) => void,
  ) {
    this.name = name;
    this.folder = new TranslationFolder(command);
    this.#boot = () => boot(command, timeoutMs, this.folder.environment());
    this.#say = say;
  }

  /** Repeats a boot that fails; undefined when there were too many of them. */
  async bootOnce(when: string): Promise<Sample | undefined> {
    while (this.failures < ALLOWED_FAILURES) {
      const result = await this.#boot();
      this.#say(`${when}: ${this.name}: ${describe(result)}`);
      if (result.isOk) return result.sample;
      this.failures++;
    }
    return undefined;
  }
}

function describe(result: RunResult): string {
  if (!result.isOk) return `did not finish: ${result.reason}`;
  const { powerOnS, programs } = result.sample;
  const total = [...programs.values()].reduce((sum, { seconds }) => sum + seconds, 0);
  return `init after ${powerOnS.toFixed(2)} s, ${programs.size} programs in ${total.toFixed(1)} s`;
}
