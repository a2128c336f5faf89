/*
 * `npm run bench:engine`: the fixed workload natively, under QEMU TCG and under Hearth, in turns on the same host with
 * the same kernel and initramfs. Prints the report and keeps it in bench/results/. Exit code 1 when a checksum is wrong
 * or a peer never finishes.
 */
import { type Benchmark, runBenchmark } from "./src/benchmark.ts";
import { ENGINE_CONTESTS, pathNames, PEER_NAMES, peerCommand, type PeerInput } from "./src/engine/peers.ts";
import { prepareWorkload } from "./src/engine/workload.ts";
import { lastCpu, tscKhz } from "./src/host-facts.ts";
import { guestArguments } from "./src/peer-command.ts";
import { requireQemu } from "./src/qemu.ts";

const ENGINE: Benchmark = {
  form: {
    script: "bench:engine",
    peers: PEER_NAMES,
    memoryMib: 128,
    timeoutS: 1800,
    example: "sieve,xz",
    environment: `HEARTH_ENGINE_BENCH the workload's folder (../shared/bench/engine beside the checkout),
ENGINE_BENCH_TMP where its images are built (/tmp/engine-bench), TSC_MHZ the host's TSC frequency.`,
  },
  name: "engine",
  title: "Engine benchmark",
  remarks: [],
  contests: ENGINE_CONTESTS,
  prepare: ({ peers, kernel, memoryMib, scale, programs }) => {
    const workload = prepareWorkload();
    const input: PeerInput = {
      ...workload,
      kernel: kernel ?? workload.kernel,
      memoryMib,
      guestArguments: guestArguments(scale, programs),
      tscKhz: tscKhz(),
      cpu: lastCpu(),
    };
    const chosen = PEER_NAMES.filter((peer) => peers.includes(peer));
    return {
      commands: new Map(chosen.map((peer) => [peer, peerCommand(peer, input)])),
      pathNames: pathNames(input),
      qemu: chosen.some((peer) => peer.startsWith("tcg")) ? requireQemu() : undefined,
    };
  },
};

await runBenchmark(ENGINE);
