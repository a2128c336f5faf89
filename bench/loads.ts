/*
 * `npm run bench:loads`: what people run in a Debian (a compiler, Python, xz, SQLite, git, dpkg), natively, under QEMU TCG
 * and under Hearth, in turns on the same host with the same kernel and disk. Prints the report and keeps it in
 * bench/results/. Exit code 1 when a result is wrong or a peer never finishes.
 */
import { fileURLToPath } from "node:url";
import { type Benchmark, runBenchmark } from "./src/benchmark.ts";
import { lastCpu, tscKhz } from "./src/host-facts.ts";
import { prepareImage } from "./src/loads/image.ts";
import { LOADS_CONTEST, LOADS_PEERS, loadsCommands } from "./src/loads/peers.ts";
import { guestArguments } from "./src/peer-command.ts";
import { requireQemu } from "./src/qemu.ts";

const KERNEL = fileURLToPath(new URL("../guest/kernel/vmlinuz", import.meta.url));

const LOADS: Benchmark = {
  form: {
    script: "bench:loads",
    peers: LOADS_PEERS,
    memoryMib: 512,
    timeoutS: 7200,
    example: "gcc,git",
    environment: `HEARTH_BENCH_LOADS where the Debian image is made (/tmp/hearth-loads), TSC_MHZ the host's TSC
frequency. The loads are gcc, python, xz, sqlite, git, dpkg; --kernel is Hearth's own without the option.`,
  },
  name: "loads",
  title: "Longer loads in a Debian guest",
  remarks: [],
  contests: [LOADS_CONTEST],
  prepare: ({ peers, kernel = KERNEL, memoryMib, scale, programs }) => {
    const image = prepareImage();
    const load = { memoryMib, guestArguments: guestArguments(scale, programs) };
    const host = { tscKhz: tscKhz(), cpu: lastCpu() };
    return {
      commands: loadsCommands(peers, { ...image, kernel, ...load, ...host }),
      pathNames: { [kernel]: "{kernel}", [image.disk]: "{disk}", [image.root]: "{root}" },
      qemu: peers.some((peer) => LOADS_CONTEST.rivals.has(peer)) ? requireQemu() : undefined,
    };
  },
};

await runBenchmark(LOADS);
