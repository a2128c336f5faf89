/*
 * `npm run bench:engine`: the fixed workload natively, under QEMU TCG and under Hearth, in turns on the same host with
 * the same kernel and initramfs. Prints the report and keeps it in bench/results/. Exit code 1 when a checksum is wrong
 * or a peer never finishes.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HearthError } from "@hearth/machine";
import { compare } from "./src/comparison.ts";
import { hostFacts, lastCpu, load, tscKhz } from "./src/host-facts.ts";
import { type BenchOptions, parseOptions, USAGE } from "./src/options.ts";
import {
  guestArguments,
  PEER_NAMES,
  peerCommand,
  type PeerInput,
  type PeerName,
  portableCommand,
  TCG_PEERS,
} from "./src/peers.ts";
import { requireQemu } from "./src/qemu.ts";
import { renderJson, renderMarkdown, type ReportInput } from "./src/report.ts";
import { type Rounds, runRounds } from "./src/rounds.ts";
import { prepareWorkload } from "./src/workload.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const RESULTS = fileURLToPath(new URL("results/", import.meta.url));

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else process.exitCode = await bench(options);
} catch (error) {
  if (!(error instanceof HearthError)) throw error;
  console.error(`bench: ${error.message} (${error.code})`);
  process.exitCode = 1;
}

async function bench(options: BenchOptions): Promise<number> {
  const peers = choosePeers(options.peers);
  const workload = prepareWorkload();
  const qemu = peers.some((peer) => TCG_PEERS.includes(peer)) ? requireQemu() : undefined;
  const input: PeerInput = {
    ...workload,
    kernel: options.kernel ?? workload.kernel,
    memoryMib: options.memoryMib,
    guestArguments: guestArguments(options.scale, options.programs),
    tscKhz: tscKhz(),
    cpu: lastCpu(),
  };
  buildEngine();
  const before = hostFacts(qemu);
  const commands = new Map(peers.map((peer) => [peer, peerCommand(peer, input)]));
  const rounds = await runRounds(commands, options.runs, options.timeoutS * 1000, (line) =>
    console.error(line),
  );
  const report: ReportInput = {
    date: new Date().toISOString().replace(/\.\d+/, ""),
    command: typedCommand(),
    host: { ...before, loadAfter: load() },
    settings: options,
    peers: new Map([...commands].map(([peer, command]) => [peer, portableCommand(command, input)])),
    failures: rounds.failures,
    comparison: compare(rounds.samples),
  };
  console.log(renderMarkdown(report));
  if (options.isKept) keep(report);
  return isGood(report, rounds) ? 0 : 1;
}

/** Variables that change how Hearth runs belong to it; the workload's place does not. */
function typedCommand(): string {
  const variables = Object.entries(process.env).filter(([name]) => /^HEARTH_(?!ENGINE_BENCH)/.test(name));
  const settings = variables.map(([name, value]) => `${name}=${value}`);
  const words = process.argv.slice(2).map((word) => (word === "" ? "''" : word));
  return [...settings, "npm run bench:engine --", ...words].join(" ");
}

function choosePeers(wanted: readonly string[] | undefined): readonly PeerName[] {
  const unknown = wanted?.find((name) => !(PEER_NAMES as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new HearthError("bench.usage", `no peer "${unknown}"; there are ${PEER_NAMES.join(", ")}`);
  }
  return PEER_NAMES.filter((name) => wanted?.includes(name) ?? true);
}

/** The first boot would otherwise pay for it. */
function buildEngine(): void {
  const { status } = spawnSync(process.execPath, ["tools/build.ts"], { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new HearthError("bench.build", "the engine does not build");
}

function keep(report: ReportInput): void {
  mkdirSync(RESULTS, { recursive: true });
  const name = `engine-${report.date.replaceAll(":", "").replace(/\d\dZ$/, "Z")}`;
  writeFileSync(`${RESULTS}${name}.json`, renderJson(report));
  writeFileSync(`${RESULTS}${name}.md`, renderMarkdown(report));
  console.error(`kept in bench/results/${name}.{json,md}`);
}

function isGood({ comparison }: ReportInput, { samples }: Rounds): boolean {
  for (const [peer, ofPeer] of samples)
    if (ofPeer.length === 0) console.error(`bench: ${peer} never finished`);
  return comparison.mismatches.length === 0 && [...samples.values()].every((ofPeer) => ofPeer.length > 0);
}
