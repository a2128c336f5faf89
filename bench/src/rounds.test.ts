import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerCommand } from "./peer-command.ts";
import { type Boot, runRounds } from "./rounds.ts";

const COMMANDS = new Map<string, PeerCommand>([
  ["native", { file: "native", args: [] }],
  ["hearth", { file: "hearth", args: [] }],
]);
const OK = { isOk: true, sample: { powerOnS: 1, peakRssMib: 1, programs: new Map() } } as const;
const BAD = { isOk: false, reason: "hung" } as const;

async function take(
  runs: number,
  boot: Boot,
): Promise<{ counts: unknown; failures: unknown; order: string[] }> {
  const order: string[] = [];
  const rounds = await runRounds(
    COMMANDS,
    runs,
    1000,
    () => {},
    (command, timeoutMs) => {
      order.push(command.file);
      return boot(command, timeoutMs, {});
    },
  );
  const counts = [...rounds.samples].map(([peer, samples]) => [peer, samples.length]);
  return { counts, failures: Object.fromEntries(rounds.failures), order };
}

test("peers take turns", async () => {
  const { counts, order } = await take(2, async () => OK);
  assert.deepEqual(order, ["native", "hearth", "native", "hearth"]);
  assert.deepEqual(counts, [
    ["native", 2],
    ["hearth", 2],
  ]);
});

test("a boot that fails is counted and repeated", async () => {
  let boots = 0;
  const { counts, failures } = await take(1, async () => (boots++ === 1 ? BAD : OK));
  assert.deepEqual(counts, [
    ["native", 1],
    ["hearth", 1],
  ]);
  assert.deepEqual(failures, { native: 0, hearth: 1 });
});

test("a peer that always fails is given up, the others go on", async () => {
  const { counts, failures, order } = await take(5, async ({ file }) => (file === "native" ? BAD : OK));
  assert.deepEqual(counts, [
    ["native", 0],
    ["hearth", 5],
  ]);
  assert.deepEqual(failures, { native: 3, hearth: 0 });
  assert.equal(order.length, 8);
});

test("a peer that is to be warm boots once more, before everybody, in the same folder", async () => {
  const boots: string[] = [];
  const commands = new Map<string, PeerCommand>([
    ["cold", { file: "cold", args: [], translations: "cold" }],
    ["warm", { file: "warm", args: [], translations: "warm" }],
  ]);
  const { samples } = await runRounds(
    commands,
    2,
    1000,
    () => {},
    async ({ file }, _, environment) => {
      boots.push(`${file} ${Object.values(environment).join()}`);
      return OK;
    },
  );
  assert.deepEqual(
    boots.map((boot) => boot.split(" ")[0]),
    ["warm", "cold", "warm", "cold", "warm"],
  );
  assert.equal(new Set(boots).size, 3);
  assert.deepEqual([samples.get("cold")?.length, samples.get("warm")?.length], [2, 2]);
});
