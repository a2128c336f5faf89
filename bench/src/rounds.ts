// Takes the samples: in each round every peer once, so that a change of the host's load meets all of them.

import type { PeerCommand } from "./peer-command.ts";
import { type RunResult, runOnce, type Sample } from "./run-once.ts";

export interface Rounds {
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  readonly failures: ReadonlyMap<string, number>;
}

/** Boots of one peer that may fail before it is given up: TCG's clock sometimes stops a guest on a busy host. */
const ALLOWED_FAILURES = 3;

export type Boot = (command: PeerCommand, timeoutMs: number) => Promise<RunResult>;

/** `runs` samples of each peer; `say` hears of every boot. A peer that fails too often has fewer. */
export async function runRounds(
  commands: ReadonlyMap<string, PeerCommand>,
  runs: number,
  timeoutMs: number,
  say: (line: string) => void,
  boot: Boot = runOnce,
): Promise<Rounds> {
  const samples = new Map<string, Sample[]>([...commands.keys()].map((peer) => [peer, []]));
  const failures = new Map<string, number>([...commands.keys()].map((peer) => [peer, 0]));
  for (let round = 1; round <= runs; round++) {
    for (const [peer, command] of commands) {
      while ((failures.get(peer) ?? 0) < ALLOWED_FAILURES) {
        const result = await boot(command, timeoutMs);
        say(`round ${round} of ${runs}: ${peer}: ${describe(result)}`);
        if (result.isOk) {
          samples.get(peer)?.push(result.sample);
          break;
        }
        failures.set(peer, (failures.get(peer) ?? 0) + 1);
      }
    }
  }
  return { samples, failures };
}

function describe(result: RunResult): string {
  if (!result.isOk) return `did not finish: ${result.reason}`;
  const { powerOnS, programs } = result.sample;
  const total = [...programs.values()].reduce((sum, { seconds }) => sum + seconds, 0);
  return `init after ${powerOnS.toFixed(2)} s, ${programs.size} programs in ${total.toFixed(1)} s`;
}
